internal import HTTPTypes
import Testing
import UmbelHTTP

struct RequestParserTests {
    /// A request and the status it is refused with; 200 when it is accepted.
    struct Case: CustomTestStringConvertible {
        let name: String
        let text: String
        let status: Int
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(name: "the simplest", text: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", status: 200),
        Case(name: "1.0 without Host", text: "GET / HTTP/1.0\r\n\r\n", status: 200),
        Case(name: "one empty line before", text: "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", status: 200),
        Case(name: "empty value, no space", text: "GET / HTTP/1.1\r\nHost:\r\nX:y\r\n\r\n", status: 200),
        Case(name: "bytes above 127 in a value", text: "GET / HTTP/1.1\r\nHost: a\r\nX: é\r\n\r\n", status: 200),
        Case(name: "an IPv6 host", text: "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", status: 200),
        Case(name: "absolute form", text: "GET http://a:80/x?y HTTP/1.1\r\nHost: b\r\n\r\n", status: 200),
        Case(name: "absolute form without path", text: "GET HTTP://a HTTP/1.1\r\nHost: b\r\n\r\n", status: 200),
        Case(name: "OPTIONS *", text: "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", status: 200),
        Case(name: "an unknown method", text: "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", status: 200),
        Case(name: "HTTP/1.2 is 1.1", text: "GET / HTTP/1.2\r\nHost: a\r\n\r\n", status: 200),
        Case(name: "equal lengths", text: "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", status: 200),

        Case(name: "two empty lines before", text: "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "bare LF in the request line", text: "GET / HTTP/1.1\nHost: a\r\n\r\n", status: 400),
        Case(name: "bare LF in headers", text: "GET / HTTP/1.1\r\nHost: a\n\r\n", status: 400),
        Case(name: "bare CR in a value", text: "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", status: 400),
        Case(name: "NUL in a value", text: "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", status: 400),
        Case(name: "DEL in a value", text: "GET / HTTP/1.1\r\nHost: a\r\nX: a\u{7F}b\r\n\r\n", status: 400),
        Case(name: "space before the colon", text: "GET / HTTP/1.1\r\nHost : a\r\n\r\n", status: 400),
        Case(name: "a folded line", text: "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", status: 400),
        Case(name: "space before the first header", text: "GET / HTTP/1.1\r\n Host: a\r\n\r\n", status: 400),
        Case(name: "no colon", text: "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", status: 400),
        Case(name: "an empty name", text: "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", status: 400),
        Case(name: "no Host", text: "GET / HTTP/1.1\r\n\r\n", status: 400),
        Case(name: "two Hosts", text: "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "a Host with a path", text: "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", status: 400),
        Case(name: "a Host with a user", text: "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", status: 400),
        Case(name: "two spaces", text: "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "HTTP/0.9", text: "GET /\r\n\r\n", status: 400),
        Case(name: "a method that is no token", text: "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "lower-case http", text: "GET / http/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "HTTP/1", text: "GET / HTTP/1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "GET *", text: "GET * HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "a relative target", text: "GET x HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "an absolute target without host", text: "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "an absolute target with a user", text: "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "a fragment", text: "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "a tab in the target", text: "GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "raw UTF-8 in the target", text: "GET /é HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "half an escape", text: "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "no hexadecimal escape", text: "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "%00", text: "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "an escape that is not UTF-8", text: "GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "a bad escape in the query", text: "GET /?a=%x HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "..", text: "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: "an escaped ..", text: "GET /a/%2e%2E/b HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(name: ".. inside a segment", text: "GET /a%2F..%2Fb HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
        Case(
            name: "length and coding",
            text: "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", status: 400),
        Case(
            name: "lengths that differ",
            text: "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", status: 400),
        Case(name: "a sign", text: "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", status: 400),
        Case(
            name: "a hexadecimal length", text: "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", status: 400),
        Case(name: "an empty length", text: "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", status: 400),
        Case(
            name: "a length that overflows",
            text: "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", status: 400),
        Case(name: "coding in 1.0", text: "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", status: 400),
        Case(name: "an empty coding", text: "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", status: 400),
        Case(
            name: "chunked twice", text: "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
            status: 400),

        Case(name: "another coding", text: "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", status: 501),
        Case(name: "CONNECT", text: "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", status: 501),
        Case(name: "HTTP/2.0", text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 505),
        Case(name: "another expectation", text: "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", status: 417),
    ]

    @Test("Each request is accepted, or refused with its status, however it is cut", arguments: cases)
    func table(_ example: Case) {
        let whole = parse(example.text)
        #expect(whole.first?.status == example.status)
        #expect(parseBytewise(example.text) == whole)
    }

    @Test("A request line over the limit is refused with 414, one at the limit is not")
    func longRequestLine() {
        var limits = HTTPLimits()
        limits.requestLineBytes = 64
        let fitting = "GET /" + String(repeating: "a", count: 64 - 14)
        for (line, status) in [(fitting, 200), (fitting + "a", 414)] {
            let text = line + " HTTP/1.1\r\nHost: a\r\n\r\n"
            #expect(parse(text, limits: limits).first?.status == status)
            #expect(parseBytewise(text, limits: limits).first?.status == status)
        }
        #expect(parse(String(repeating: "a", count: 67), limits: limits).first?.status == 414)
    }

    @Test("Header bytes over the limit are refused with 431, also before their line has ended")
    func largeHeaders() {
        var limits = HTTPLimits()
        limits.headerBytes = 64
        let start = "GET / HTTP/1.1\r\nHost: a\r\n"
        let fitting = "X: " + String(repeating: "a", count: 64 - 9 - 5) + "\r\n"
        #expect(parse(start + fitting + "\r\n", limits: limits).first?.status == 200)
        #expect(parseBytewise(start + fitting + "\r\n", limits: limits).first?.status == 200)
        #expect(parse(start + "Y" + fitting + "\r\n", limits: limits).first?.status == 431)
        #expect(parseBytewise(start + "Y" + fitting + "\r\n", limits: limits).first?.status == 431)
        #expect(parse(start + String(repeating: "x", count: 80), limits: limits).first?.status == 431)
    }

    @Test("More header lines than the limit are refused with 431")
    func manyHeaders() {
        let start = "GET / HTTP/1.1\r\nHost: a\r\n"
        let text = { (count: Int) in start + String(repeating: "X: y\r\n", count: count) + "\r\n" }
        #expect(parse(text(99)).first?.status == 200)
        #expect(parse(text(100)).first?.status == 431)
    }

    @Test("Pipelined heads come out one by one, bodies are not looked at")
    func pipelining() {
        let outcomes = parse("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(outcomes.compactMap { $0.head?.target } == ["/1", "/2"])
    }

    @Test("Repeated headers are kept apart and names compare without case")
    func repeatedHeaders() throws {
        let outcome = parse("GET / HTTP/1.1\r\nhOST: a\r\nAccept: x\r\naccept:  y \r\n\r\n").first
        let head = try #require(outcome?.head)
        #expect(head.headers[values: .accept] == ["x", "y"])
    }

    @Test(
        "Connections are kept by version and Connection header",
        arguments: [
            ("1.1", "", true), ("1.1", "Connection: close\r\n", false), ("1.1", "Connection: x, Close\r\n", false),
            ("1.0", "", false), ("1.0", "Connection: Keep-Alive\r\n", true),
        ])
    func keepAlive(version: String, header: String, expected: Bool) throws {
        let head = try #require(parse("GET / HTTP/\(version)\r\nHost: a\r\n\(header)\r\n").first?.head)
        #expect(head.keepsAlive == expected)
    }

    @Test("Framing and expectations are recognised")
    func framing() throws {
        let start = "PUT / HTTP/1.1\r\nHost: a\r\n"
        #expect(try #require(parse(start + "\r\n").first?.head).framing == .none)
        #expect(try #require(parse(start + "Content-Length: 007\r\n\r\n").first?.head).framing == .length(7))
        #expect(try #require(parse(start + "Transfer-Encoding: Chunked\r\n\r\n").first?.head).framing == .chunked)
        #expect(try #require(parse(start + "Expect: 100-Continue\r\n\r\n").first?.head).expectsContinue)
        #expect(try !#require(parse("PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").first?.head).expectsContinue)
    }
}
