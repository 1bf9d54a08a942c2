internal import HTTPTypes
import Testing

@testable import UmbelHTTP

struct ResponseHeadTests {
    private func text(_ response: Response, keepsAlive: Bool = true) -> String {
        String(decoding: ResponseHead(response, for: nil, keepsAlive: keepsAlive).bytes, as: UTF8.self)
    }

    @Test("A line end in a value cannot begin another header")
    func injection() {
        let response = Response(.ok, headers: [.location: "/x\r\nSet-Cookie: a=b\r\n\r\nbody"])
        let lines = text(response).split(separator: "\r\n", omittingEmptySubsequences: false)
        #expect(!lines.contains { $0.hasPrefix("Set-Cookie") || $0.hasPrefix("body") })
        #expect(lines.suffix(2) == ["", ""])
    }

    @Test("Framing headers follow from the body, whatever the handler set")
    func framing() {
        var response = Response(.ok, body: .bytes([1, 2, 3]))
        response.headers[.contentLength] = "5"
        response.headers[.transferEncoding] = "chunked"
        response.headers[.connection] = "upgrade"
        let head = text(response)
        #expect(head.contains("Content-Length: 3\r\n"))
        #expect(!head.contains("chunked"))
        #expect(!head.contains("Connection"))
        #expect(text(response, keepsAlive: false).contains("Connection: close\r\n"))
        #expect(!text(Response(.notModified)).contains("Content-Length"))
    }
}
