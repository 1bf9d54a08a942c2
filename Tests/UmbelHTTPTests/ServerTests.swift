internal import Dispatch
import Testing
import UmbelHTTP
import UmbelPOSIX

@Suite(.timeLimit(.minutes(1)))
struct ServerTests {
    @Test("A connection serves one request after another")
    func keepAlive() throws {
        let server = try TestServer()
        let client = try server.client()
        for index in 0..<20 {
            try client.get("/\(index)")
            let reply = try client.reply()
            #expect(reply.text == "GET /\(index)")
            #expect(reply.headers["server"] == "umbel")
            #expect(HTTPDate.parse(reply.headers["date"] ?? "") != nil)
            #expect(reply.headers["connection"] == nil)
        }
        #expect(server.server.counters.acceptedConnections == 1)
        #expect(server.server.counters.requests == 20)
    }

    @Test("Pipelined requests are answered in order, bodies between them included")
    func pipelining() throws {
        let server = try TestServer()
        let client = try server.client()
        var text = ""
        for index in 0..<50 {
            text += "GET /\(index) HTTP/1.1\r\nHost: a\r\n\r\n"
            text += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n\(100 + index)"
            text += "POST /unread HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        }
        try client.send(text)
        for index in 0..<50 {
            #expect(try client.reply().text == "GET /\(index)")
            #expect(try client.reply().text == "\(100 + index)")
            #expect(try client.reply().text == "POST /unread")
        }
    }

    @Test("A request sent byte by byte is served")
    func bytewise() throws {
        let server = try TestServer()
        let client = try server.client()
        for byte in "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".utf8 {
            try client.send([byte])
        }
        #expect(try client.reply().text == "hello")
    }

    @Test("HTTP/1.0 closes unless it is asked not to")
    func version1_0() throws {
        let server = try TestServer()
        let closing = try server.client()
        try closing.send("GET /x HTTP/1.0\r\n\r\n")
        #expect(try closing.reply().headers["connection"] == "close")
        #expect(try closing.isClosed())
        let keeping = try server.client()
        for _ in 0..<2 {
            try keeping.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try keeping.reply().headers["connection"] == "keep-alive")
        }
    }

    @Test("Connection: close and a closing response end the connection")
    func closing() throws {
        let server = try TestServer()
        for (target, header) in [("/x", "Connection: close\r\n"), ("/close", "")] {
            let client = try server.client()
            try client.get(target, header)
            #expect(try client.reply().headers["connection"] == "close")
            #expect(try client.isClosed())
        }
    }

    @Test("HEAD has the headers of GET and no body; 204 has no length")
    func head() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send("HEAD /pattern/1000 HTTP/1.1\r\nHost: a\r\n\r\n")
        let reply = try client.reply(toHead: true)
        #expect(reply.headers["content-length"] == "1000")
        #expect(reply.headers["etag"] == "\"p\"")
        try client.get("/nothing")
        #expect(try client.reply().headers["content-length"] == nil)
        try client.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.reply(toHead: true).headers["content-length"] == nil)
        try client.get("/after")
        #expect(try client.reply().text == "GET /after")
    }

    @Test("100 Continue is sent when the handler reads, and only then")
    func expectContinue() throws {
        let server = try TestServer()
        let reading = try server.client()
        let head = "HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        try reading.send("POST /echo \(head)")
        #expect(try reading.reply().status == 100)
        try reading.send("hello")
        #expect(try reading.reply().text == "hello")
        try reading.get("/after")
        #expect(try reading.reply().text == "GET /after")

        let refusing = try server.client()
        try refusing.send("POST /unread \(head)")
        let reply = try refusing.reply()
        #expect(reply.status == 200)
        #expect(reply.headers["connection"] == "close")
        #expect(try refusing.isClosed())

        let eager = try server.client()
        try eager.send("POST /echo \(head)hello")
        #expect(try eager.reply().status != 408)
    }

    @Test("A body over the limit is refused with 413, by its length before it is read or when its chunks exceed it")
    func tooLarge() throws {
        let server = try TestServer()
        let declared = try server.client()
        try declared.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        #expect(try declared.reply().status == 413)
        #expect(try declared.isClosed())
        let chunked = try server.client()
        try chunked.send("POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n")
        let reply = try chunked.reply()
        #expect(reply.status == 413)
        #expect(reply.headers["connection"] == "close")
        let fitting = try server.client()
        try fitting.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n12345678")
        #expect(try fitting.reply().text == "12345678")
    }

    @Test("An early answer to a large body that goes on arriving is not lost")
    func earlyAnswer() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n")
        try client.send([UInt8](repeating: 7, count: 4_000_000))
        #expect(try client.reply().status == 413)
    }

    @Test("An unread body is read past when it is short, and ends the connection when it is long")
    func unreadBodies() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n")
        #expect(try client.reply().headers["connection"] == nil)
        try client.send([UInt8](repeating: 7, count: 60_000))
        try client.get("/after")
        #expect(try client.reply().text == "GET /after")
        try client.send("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n")
        #expect(try client.reply().headers["connection"] == "close")
    }

    @Test("A malformed chunk is answered 400 and ends the connection")
    func malformedChunk() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        #expect(try client.reply().status == 400)
        #expect(try client.isClosed())
    }

    @Test(
        "Requests that are refused on the wire get a problem and a closed connection",
        arguments: [
            ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/3.0\r\n\r\n", 505),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
            ("GET /" + String(repeating: "x", count: 20_000), 414),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 40_000), 431),
        ])
    func refusals(text: String, status: Int) throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send(text)
        let reply = try client.reply()
        #expect(reply.status == status)
        #expect(reply.headers["content-type"] == "application/problem+json")
        #expect(reply.headers["connection"] == "close")
        #expect(reply.isComplete)
        #expect(try client.isClosed())
    }

    @Test("A good request is answered before the bad one that follows it is refused")
    func refusedAfterPipelined() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
        #expect(try client.reply().text == "GET /1")
        #expect(try client.reply().status == 400)
        #expect(try client.isClosed())
    }

    @Test("A client that sends and then finishes sending is still answered")
    func halfClosed() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.get("/x")
        client.socket.finishSending()
        #expect(try client.reply().text == "GET /x")
        #expect(try client.isClosed())
    }

    @Test("Ranges and conditional requests work over the wire")
    func ranges() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.get("/pattern/1000", "Range: bytes=250-252\r\n")
        let reply = try client.reply()
        #expect(reply.status == 206)
        #expect(reply.body == [250, 0, 1])
        try client.get("/pattern/1000", "Range: bytes=0-1,500-501\r\n")
        let parts = try client.reply()
        #expect(parts.status == 206)
        #expect(parts.isComplete)
        try client.get("/pattern/1000", "If-None-Match: \"p\"\r\n")
        #expect(try client.reply().status == 304)
        try client.get("/after")
        #expect(try client.reply().text == "GET /after")
    }
}
