import HTTPTypes
import Synchronization
import Testing
import UmbelClient
import UmbelFormats
import UmbelHTTP

/// The calls of the service, as they go over the wire.
@Suite struct ServerTests {
    // MARK: Contents and adapters

    @Test func `a content is sent once`() throws {
        let server = try FakeServer()
        let client = try server.client()
        let scratch = try ScratchFile(bytes: 100_000)
        let digest = try scratch.file.sha256()
        #expect(digest == scratch.sha256)
        #expect(try client.push(scratch.file, sha256: digest))
        #expect(server.blobs == ["sha256:" + digest])
        #expect(try !client.push(scratch.file, sha256: digest))
        #expect(server.seen.map(\.method) == ["HEAD", "POST", "HEAD"])
        #expect(server.seen.allSatisfy { $0.target == "/v1/blobs/sha256:\(digest)" })
        #expect(server.seen[1].body == scratch.content)
    }

    @Test func `a content that is not what its digest says is refused`() throws {
        let server = try FakeServer()
        let wrong = String(repeating: "0", count: 64)
        let error = #expect(throws: ClientError.self) {
            try server.client().push(ScratchFile(bytes: 10).file, sha256: wrong)
        }
        #expect(error?.refusal?.code == "digest_mismatch")
        #expect(server.blobs.isEmpty)
    }

    @Test func `an empty file can be hashed and sent`() throws {
        let server = try FakeServer()
        let scratch = try ScratchFile(bytes: 0)
        #expect(try scratch.file.sha256() == scratch.sha256)
        #expect(try server.client().push(scratch.file, sha256: scratch.sha256))
    }

    @Test func `hashing reads in pieces that add up`() throws {
        let scratch = try ScratchFile(bytes: (3 << 20) + 17)
        var pieces: [Int] = []
        _ = try scratch.file.sha256 { pieces.append($0) }
        #expect(pieces.reduce(0, +) == scratch.content.count)
        #expect(pieces.allSatisfy { $0 <= 1 << 20 })
    }

    @Test func `an adapter is made of contents, with everything that was asked for`() throws {
        let server = try FakeServer()
        let client = try server.client()
        let scratch = try ScratchFile(bytes: 1000)
        let config = try ScratchFile(bytes: 10)
        for file in [scratch, config] { _ = try client.push(file.file, sha256: file.sha256) }
        var adapter = NewAdapter(name: "ink", tensors: scratch.sha256, config: config.sha256)
        adapter.labels = [try #require(Label("team:x")), try #require(Label("url:http://a"))]
        adapter.prefixes = ["lora_te1=text_encoder", "a b=c"]
        adapter.allowsUnmatched = true
        adapter.base = "none"
        adapter.condition = .pointsTo(digest: "sha256:ab")
        let made = try client.make(adapter)
        #expect(made.name == "ink" && made.generation == 1 && made.digest == "sha256:" + scratch.sha256)
        #expect(made.algorithms.map(\.name) == ["lokr", "lora"] && made.algorithms.map(\.modules) == [12, 3])
        #expect(made.warnings.map { "\($0.code) \($0.message)" } == ["scale_guessed No alpha"])
        #expect(made.bases.map { "\($0.base) \($0.matched) \($0.modules)" } == ["main 14 15"])
        let seen = try #require(server.seen.last)
        #expect(
            seen.target
                == "/v1/adapters?prefix=lora_te1%3Dtext_encoder&prefix=a%20b%3Dc&allow_unmatched=true&base=none")
        #expect(seen.headers[.contentType] == "application/json")
        #expect(seen.headers[.ifMatch] == "\"sha256:ab\"")
        #expect(
            seen.json == [
                "name": "ink",
                "files": [
                    "adapter.safetensors": .string("sha256:" + scratch.sha256),
                    "adapter_config.json": .string("sha256:" + config.sha256),
                ], "labels": ["team": "x", "url": "http://a"],
            ])
    }

    @Test func `what must be new says so`() throws {
        let server = try FakeServer()
        var adapter = NewAdapter(name: "ink", tensors: "00")
        adapter.condition = .isNew
        let error = #expect(throws: ClientError.self) { try server.client().make(adapter) }
        #expect(error?.refusal?.code == "unknown_blob")
        #expect(server.seen.last?.headers[.ifNoneMatch] == "*")
        #expect(server.seen.last?.target == "/v1/adapters")
        #expect(server.seen.last?.json?["labels"] == nil)
    }

    // MARK: Lists

    @Test func `a list is followed to its end`() throws {
        let server = try FakeServer()
        server.add("a", "b", "c", "d", "e")
        let adapters = try server.client().adapters(labels: [#require(Label("team:x")), #require(Label("k:"))])
        #expect(adapters.map(\.name) == ["a", "b", "c", "d", "e"])
        #expect(adapters[0].tags == ["prod"] && adapters[0].labels.map(\.value) == ["x"])
        #expect(server.seen.count == 3)
        #expect(server.seen.allSatisfy { $0.target.contains("label=team:x&label=k:") })
    }

    @Test func `an empty list is no error`() throws {
        let server = try FakeServer()
        #expect(try server.client().adapters().isEmpty)
        #expect(server.seen.count == 1)
    }

    @Test func `a list that leads back to itself ends`() throws {
        let server = try FakeServer { _ in FakeServer.json(["data": [], "next_cursor": "again"]) }
        #expect(throws: ClientError.endlessList(cursor: "again")) { try server.client().adapters() }
        #expect(server.seen.count == 2)
    }

    @Test(arguments: ["<html>hello</html>", "[]", "{\"data\": 1}", "{\"data\": [{\"name\": 1}]}", "", "{"])
    func `an answer that is no list is an error that shows it`(body: String) throws {
        let server = try FakeServer { _ in Response(.ok, contentType: "application/json", body) }
        let error = #expect(throws: ClientError.self) { try server.client().adapters() }
        guard case .unexpectedAnswer(200, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    // MARK: Names

    @Test func `names are removed, tagged and rolled back`() throws {
        let server = try FakeServer()
        let client = try server.client()
        try client.remove("ink", isForced: false)
        try client.remove("ink", isForced: true, condition: .pointsTo(digest: "sha256:0f"))
        #expect(try client.tags(of: "ink").map { "\($0.name) \($0.digest)" } == ["prod sha256:00"])
        try client.setTag("prod", of: "ink")
        try client.setTag("prod", of: "ink", digest: "sha256:0f")
        try client.removeTag("prod", of: "ink")
        #expect(try client.rollBack("ink", to: .previous).generation == 3)
        _ = try client.rollBack("ink", to: .generation(2))
        _ = try client.rollBack("ink", to: .digest("sha256:0f"), condition: .pointsTo(digest: "ab"))
        #expect(
            server.seen.map { "\($0.method) \($0.target) \($0.text)" } == [
                "DELETE /v1/adapters/ink ", "DELETE /v1/adapters/ink?force=true ", "GET /v1/adapters/ink/tags ",
                "PUT /v1/adapters/ink/tags/prod ", "PUT /v1/adapters/ink/tags/prod {\"digest\":\"sha256:0f\"}",
                "DELETE /v1/adapters/ink/tags/prod ", "POST /v1/adapters/ink/rollback ",
                "POST /v1/adapters/ink/rollback {\"generation\":2}",
                "POST /v1/adapters/ink/rollback {\"digest\":\"sha256:0f\"}",
            ])
        #expect(
            server.seen.map { $0.headers[.ifMatch] } == [nil, "\"sha256:0f\""] + [
                nil, nil, nil, nil, nil, nil, "\"ab\"",
            ])
    }

    @Test(arguments: [
        ("a/b", "a%2Fb"), ("..", ".."), ("a b?c#d", "a%20b%3Fc%23d"), ("ä", "%C3%A4"), ("a%2Fb", "a%252Fb"),
    ])
    func `whatever a name holds stays in its place in the path`(name: String, sent: String) throws {
        let targets = Shared([String]())
        let server = try RawServer { connection in
            let line = connection.head()?.split(separator: " ").dropFirst().first
            targets.change { $0.append(line.map(String.init) ?? "") }
            connection.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        }
        try Server(ServerAddress(server.address)).remove(name, isForced: false)
        #expect(targets.change { $0 } == ["/v1/adapters/\(sent)"])
    }

    @Test func `an address with a path is a prefix of every path`() throws {
        let server = try FakeServer { _ in Response(.noContent) }
        try Server(ServerAddress(server.address + "/umbel/")).remove("ink", isForced: false)
        #expect(server.seen.map(\.target) == ["/umbel/v1/adapters/ink"])
    }

    // MARK: Token

    @Test func `a token goes with every request, and nothing without one`() throws {
        let server = try FakeServer()
        _ = try server.client(token: "s3cret").adapters()
        _ = try server.client().adapters()
        #expect(server.seen.map { $0.headers[.authorization] } == ["Bearer s3cret", nil])
    }

    @Test func `a token that is no header is refused, and not shown`() throws {
        let server = try FakeServer()
        let error = #expect(throws: ClientError.self) { try server.client(token: "s3cret\r\nX: y").adapters() }
        #expect(error == .header(name: "Authorization"))
        #expect(server.seen.isEmpty)
    }
}

extension ClientError {
    /// What a server refused with.
    var refusal: ServerRefusal? {
        if case .refused(let refusal) = self { refusal } else { nil }
    }
}
