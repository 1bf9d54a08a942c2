import HTTPTypes
import Testing
import UmbelClient
import UmbelFormats
import UmbelHTTP

/// Answers that are no success, and what is asked again.
@Suite struct RefusalTests {
    @Test func `a problem brings its code, detail and errors`() throws {
        let errors: JSON = [["code": "unmatched", "key": "a.lora_up"], ["code": "key_unknown", "key": "b"]]
        let server = try FakeServer { _ in
            FakeServer.problem(422, "partial_match", "A part finds no place", errors: errors)
        }
        let refusal = try #require(refusal { try server.client().adapters() })
        #expect(refusal.status == 422 && refusal.code == "partial_match")
        #expect(refusal.detail == "A part finds no place")
        #expect(JSON.array(refusal.errors) == errors)
        #expect(refusal.beginning.isEmpty)
    }

    @Test(arguments: [
        ("text/html", "<h1>Bad Gateway</h1>", "<h1>Bad Gateway</h1>"), ("application/problem+json", "{", "{"),
        ("application/problem+json", "[1]", "[1]"),
        ("application/json", "{\"detail\": \"no\"}", "{\"detail\": \"no\"}"),
        ("text/plain", "", ""),
    ])
    func `any other body is shown as it begins`(type: String, body: String, shown: String) throws {
        let server = try FakeServer { _ in Response(.badGateway, contentType: type, body) }
        let refusal = try #require(refusal { try server.client().adapters() })
        #expect(refusal.status == 502)
        #expect(refusal.code == nil && refusal.detail == nil && refusal.errors.isEmpty)
        #expect(refusal.beginning == shown)
    }

    @Test func `of a huge body only the beginning is kept`() throws {
        let server = try FakeServer { _ in
            Response(.badGateway, contentType: "text/html", String(repeating: "x", count: 8 << 20))
        }
        let refusal = try #require(refusal { try server.client().remove("ink", isForced: false) })
        #expect(refusal.status == 502)
        #expect(refusal.beginning == String(repeating: "x", count: 200))
    }

    @Test func `a successful answer that is too long is an error`() throws {
        let server = try FakeServer { _ in
            Response(.ok, contentType: "application/json", "[" + String(repeating: "1,", count: 1 << 20) + "1]")
        }
        #expect(throws: ClientError.answerTooLarge(limit: 1 << 20)) { try server.client().tags(of: "ink") }
    }

    @Test func `a redirect is a refusal that says where to`() throws {
        let server = try FakeServer { _ in Response(.movedPermanently, headers: [.location: "https://elsewhere/"]) }
        let refusal = try #require(refusal { try server.client().adapters() })
        #expect(refusal.status == 301 && refusal.location == "https://elsewhere/")
    }

    // MARK: Asked again

    @Test func `looking is repeated when the server says when`() throws {
        let waits = Shared([Int]())
        let tries = Shared(0)
        let server = try FakeServer { _ in
            tries.change {
                $0 += 1; return $0
            } < 3 ? Self.busy("7") : nil
        }
        server.add("a")
        let adapters = try server.client(retries: Self.retries(waits)).adapters()
        #expect(adapters.map(\.name) == ["a"])
        #expect(waits.change { $0 } == [7, 7])
    }

    @Test func `looking is repeated only so often`() throws {
        let waits = Shared([Int]())
        let server = try FakeServer { _ in Self.busy("1") }
        let error = #expect(throws: ClientError.self) {
            try server.client(retries: Self.retries(waits)).hasBlob("00")
        }
        #expect(error?.refusal?.status == 503 && error?.refusal?.retryAfter == 1)
        #expect(server.seen.count == 4)
        #expect(waits.change { $0 } == [1, 1, 1])
    }

    @Test(arguments: [nil, "31", "-1", "Fri, 20 Nov 2026 10:00:00 GMT", "soon"])
    func `without a time that can be waited nothing is repeated`(after: String?) throws {
        let waits = Shared([Int]())
        let server = try FakeServer { _ in Self.busy(after) }
        #expect(throws: ClientError.self) { try server.client(retries: Self.retries(waits)).adapters() }
        #expect(server.seen.count == 1)
        #expect(waits.change { $0 }.isEmpty)
    }

    @Test func `what changes something is never repeated`() throws {
        let waits = Shared([Int]())
        let server = try FakeServer { _ in Self.busy("1") }
        let client = try server.client(retries: Self.retries(waits))
        #expect(throws: ClientError.self) { try client.remove("ink", isForced: false) }
        #expect(throws: ClientError.self) { try client.setTag("prod", of: "ink") }
        #expect(throws: ClientError.self) { try client.rollBack("ink", to: .previous) }
        #expect(throws: ClientError.self) { try client.make(NewAdapter(name: "ink", tensors: "00")) }
        #expect(server.seen.map(\.method) == ["DELETE", "PUT", "POST", "POST"])
        #expect(waits.change { $0 }.isEmpty)
    }

    @Test(arguments: [500, 502, 504, 429])
    func `no other status is repeated`(status: Int) throws {
        let server = try FakeServer { _ in Response(.init(code: status), headers: [.retryAfter: "1"]) }
        #expect(throws: ClientError.self) { try server.client(retries: Self.retries(Shared([]))).adapters() }
        #expect(server.seen.count == 1)
    }

    private func refusal<Result>(_ call: () throws -> Result) -> ServerRefusal? {
        #expect(throws: ClientError.self) { _ = try call() }?.refusal
    }

    private static func busy(_ after: String?) -> Response {
        var response = FakeServer.problem(503, "overloaded", "Too many requests")
        response.headers[.retryAfter] = after
        return response
    }

    private static func retries(_ waits: Shared<[Int]>) -> Retries {
        var retries = Retries()
        retries.wait = { seconds in waits.change { $0.append(seconds) } }
        return retries
    }
}
