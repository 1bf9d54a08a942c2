import Foundation
import Testing

/// What is too large, too many or malformed, and what merely looks unusual.
@Suite struct LimitTests {
    /// What is sent as it is, and the answer.
    private func exchange(_ service: Service, _ text: String) throws -> Answer {
        let client = try Client(port: service.port)
        try client.send(text)
        return try client.answer()
    }

    @Test func `a body that is too large is 413, announced or chunked, and leaves nothing`() throws {
        let service = try Service.main("--set", "adapters.upload_bytes=1000")
        let announced = try service.put("ink", Samples.plain)
        #expect(announced.status == 413)
        #expect(announced.codes == ["body_too_large"])
        let client = try Client(port: service.port)
        try client.send("PUT /v1/adapters/ink HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in 0..<20 { try client.send("40\r\n" + String(repeating: "x", count: 64) + "\r\n") }
        #expect(try client.answer().status == 413)
        var form = Form()
        form.add("file", fileName: "ink.safetensors", try Samples.data(Samples.plain))
        let posted = try service.request(
            "POST", "/v1/adapters", ["Content-Type": form.contentType], body: form.body)
        #expect(posted.status == 413)
        #expect(service.stored == [])
        #expect(try service.post("/v1/variants", String(repeating: " ", count: 2 << 20)).status == 413)
    }

    @Test func `a chunked upload is an upload`() throws {
        let service = try Service.main()
        let content = try Samples.data(Samples.plain)
        let client = try Client(port: service.port)
        try client.send("PUT /v1/adapters/ink HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
        var sent = 0
        while sent < content.count {
            let piece = content.dropFirst(sent).prefix(100)
            try client.send(String(piece.count, radix: 16) + ";extension=1\r\n")
            try client.send(piece + Data("\r\n".utf8))
            sent += piece.count
        }
        try client.send("0\r\nTrailer: x\r\n\r\n")
        #expect(try client.answer().status == 201)
        #expect(try service.get("/v1/adapters/ink/content").body == content)
    }

    @Test func `a chunked upload that ends early stores nothing`() throws {
        let service = try Service.main()
        let client = try Client(port: service.port)
        try client.send(
            "PUT /v1/adapters/ink HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        client.socket.finishSending()
        _ = try? client.answer()
        try eventually("what arrived is gone") { service.stored == [] }
        #expect(try service.get("/v1/adapters/ink").status == 404)
    }

    @Test func `a client that asks first is told to continue, or refused before it sends`() throws {
        let service = try Service.main()
        let content = try Samples.data(Samples.plain)
        let head =
            "PUT /v1/adapters/ink HTTP/1.1\r\nHost: test\r\nContent-Length: \(content.count)\r\nExpect: 100-continue\r\n"
        let client = try Client(port: service.port)
        try client.send(head + "\r\n")
        #expect(try client.answer().status == 100)
        try client.send(content)
        #expect(try client.answer().status == 201)
        let refused = try Client(port: service.port)
        try refused.send(head + "If-None-Match: *\r\n\r\n")
        #expect(try refused.answer().status == 412)
    }

    @Test func `too many or too long headers are 431 with a problem and a request id`() throws {
        let service = try Service.main()
        let many = (0..<200).map { "X-\($0): y\r\n" }.joined()
        let long = "X-Long: " + String(repeating: "y", count: 60_000) + "\r\n"
        for headers in [many, long] {
            let answer = try exchange(service, "GET /healthz HTTP/1.1\r\nHost: test\r\n\(headers)\r\n")
            #expect(answer.status == 431)
            #expect(answer.codes == ["headers_too_large"])
            #expect(answer["x-request-id"]?.isEmpty == false)
            #expect(answer["connection"] == "close")
        }
    }

    @Test(arguments: [
        ("GARBAGE\r\n\r\n", 400), ("GET /healthz\r\n\r\n", 400), ("GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("GET /healthz HTTP/1.1\r\n\r\n", 400), ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n", 400), ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /v1/models/main/files/..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("G\u{1}T / HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("PUT /v1/adapters/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("PUT /v1/adapters/x HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", 400),
        ("PUT /v1/adapters/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        ("PUT /v1/adapters/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: magic\r\n\r\n", 501),
        ("PUT /v1/adapters/x HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", 417),
    ])
    func `a malformed request is refused with a problem and a request id`(text: String, status: Int) throws {
        let service = try Service.main()
        let answer = try exchange(service, text)
        #expect(answer.status == status, "\(answer.text)")
        #expect(answer["content-type"] == "application/problem+json")
        #expect(answer.codes.count == 1)
        #expect(answer["x-request-id"]?.isEmpty == false)
        #expect(try service.get("/healthz").status == 200)
    }

    @Test func `a target that is too long is 414, and one that is merely long is served`() throws {
        let service = try Service.main()
        #expect(try service.get("/v1/adapters?cursor=" + String(repeating: "a", count: 12_000)).status == 200)
        #expect(try service.get("/v1/models?" + String(repeating: "a", count: 40_000)).status == 414)
        let terms = String(repeating: "+ink", count: 2000)
        #expect(try service.get("/v1/models/main\(terms)").status == 400)
    }

    @Test func `odd methods and paths get 405, 204 or 404 and never a file`() throws {
        let service = try Service.main()
        for method in ["PATCH", "TRACE", "FOO", "POST", "DELETE"] {
            let answer = try service.request(method, "/healthz", body: Data())
            #expect(answer.status == 405, "\(method)")
            #expect(answer["allow"] == "GET, HEAD, OPTIONS")
        }
        let options = try service.request("OPTIONS", "/v1/adapters/ink")
        #expect(options.status == 204)
        #expect(options["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")
        #expect(try service.request("OPTIONS", "*").status == 204)
        for path in ["//healthz", "/v1//models", "/HEALTHZ", "/v1/models/main/files//main_fp32.safetensors"] {
            #expect(try service.get(path).status == 404, "\(path)")
        }
    }

    @Test func `an upload without a body, or with an empty one, is refused`() throws {
        let service = try Service.main()
        #expect(try service.request("PUT", "/v1/adapters/ink").status == 411)
        let empty = try service.request("PUT", "/v1/adapters/ink", body: Data())
        #expect(empty.status == 400)
        #expect(empty.codes == ["empty_file"])
    }

    @Test func `connections beyond the limit are told to come back`() throws {
        let service = try Service.main("--set", "server.connections=2")
        let clients = try (0..<2).map { _ in try Client(port: service.port) }
        for client in clients {
            try client.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.answer().status == 200)
        }
        let answer = try Client(port: service.port).answer()
        #expect(answer.status == 503)
        #expect(answer["retry-after"] != nil)
        #expect(answer.codes == ["too_many_connections"])
    }

    @Test func `an upload that stops arriving is 408 and leaves nothing`() throws {
        let service = try Service.main("--set", "server.stall_timeout=0.3")
        let answer = try exchange(
            service, "PUT /v1/adapters/ink HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nhalf")
        #expect(answer.status == 408)
        #expect(answer.codes == ["body_stalled"])
        #expect(service.stored == [])
    }

    @Test func `a head that does not arrive in time is 408`() throws {
        let service = try Service.main("--set", "server.head_timeout=0.2")
        #expect(try exchange(service, "GET /healthz HTTP/1.1\r\nHos").status == 408)
    }
}
