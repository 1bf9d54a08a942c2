import Dispatch
import HTTPTypes
import Synchronization
import UmbelClient
import UmbelFormats
import UmbelHTTP
import UmbelPOSIX

/// A service in this process, of which a test sees every request: contents by digest, adapters made of them, pages, tags.
final class FakeServer: Sendable {
    /// A request as it came.
    struct Seen: Sendable {
        let method: String
        /// With its query, as sent.
        let target: String
        let headers: HTTPFields
        let body: [UInt8]

        var json: JSON? { try? JSON(parsing: body) }
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    private struct State {
        var blobs: Set<String> = []
        var adapters: [JSON] = []
        var seen: [Seen] = []
    }

    /// What a test answers in the service's stead; nil for what it leaves to it.
    typealias Override = @Sendable (Seen) -> Response?

    private let state: Shared<State>
    private let server: HTTPServer
    let port: Int

    init(_ override: @escaping Override = { _ in nil }) throws {
        let state = Shared(State())
        self.state = state
        var limits = HTTPLimits()
        limits.workers = 4
        server = HTTPServer(limits: limits) { request in
            let body = (try? request.body.readAll(limit: 64 << 20)) ?? []
            let seen = Seen(
                method: request.method.rawValue, target: request.target, headers: request.headers, body: body)
            state.change { $0.seen.append(seen) }
            return override(seen) ?? Self.answer(request, seen, state)
        }
        port = try server.listen(host: "127.0.0.1", port: 0)
    }

    deinit { server.shutdown(graceSeconds: 0) }

    var address: String { "http://127.0.0.1:\(port)" }
    var seen: [Seen] { state.change { $0.seen } }
    var blobs: Set<String> { state.change { $0.blobs } }

    func client(token: String? = nil, retries: Retries = Retries()) throws -> Server {
        try Server(ServerAddress(address), token: token, retries: retries)
    }

    /// Names of adapters that are there from the start.
    func add(_ names: String...) {
        state.change { state in state.adapters += names.map { Self.adapter($0, digest: "sha256:00", generation: 1) } }
    }

    static func adapter(_ name: String, digest: String, generation: Int) -> JSON {
        [
            "name": .string(name), "digest": .string(digest), "bytes": 12, "created": "2026-11-21T03:05:00Z",
            "generation": JSON(generation), "algorithms": ["lokr": 12, "lora": 3], "tags": ["prod"],
            "labels": ["team": "x"],
            "warnings": [["code": "scale_guessed", "message": "No alpha", "keys": []]],
            "bases": [["base": "main", "matched": 14, "modules": 15]],
        ]
    }

    static func problem(_ status: Int, _ code: String, _ detail: String, errors: JSON = []) -> Response {
        let body: JSON = ["status": JSON(status), "code": .string(code), "detail": .string(detail), "errors": errors]
        return Response(.init(code: status), contentType: "application/problem+json", body.text)
    }

    static func json(_ value: JSON, _ status: Int = 200) -> Response {
        Response(.init(code: status), contentType: "application/json", value.text)
    }

    private static func answer(_ request: Request, _ seen: Seen, _ state: Shared<State>) -> Response {
        let path = Array(request.path.dropFirst())
        switch (seen.method, path.first, path.count) {
        case ("HEAD", "blobs", 2): return Response(state.change { $0.blobs.contains(path[1]) } ? .ok : .notFound)
        case ("POST", "blobs", 2):
            guard path[1] == "sha256:" + seen.body.withUnsafeBytes({ SHA256.hex(of: $0) }) else {
                return problem(400, "digest_mismatch", "The content has another digest")
            }
            return Response(state.change { $0.blobs.insert(path[1]).inserted } ? .created : .ok)
        case ("POST", "adapters", 1): return make(seen, state)
        case ("GET", "adapters", 1): return page(request, state)
        case ("GET", "adapters", 3): return json(["object": "list", "data": [["tag": "prod", "digest": "sha256:00"]]])
        case ("PUT", "adapters", 4): return json(["tag": .string(path[3])])
        case ("DELETE", "adapters", _): return Response(.noContent)
        case ("POST", "adapters", 3): return json(adapter(path[1], digest: "sha256:00", generation: 3))
        default: return problem(404, "no_such_path", "There is nothing at \(seen.target)")
        }
    }

    private static func make(_ seen: Seen, _ state: Shared<State>) -> Response {
        guard let json = seen.json, let name = json["name"]?.string, let files = json["files"]?.members else {
            return problem(400, "missing_field", "name or files are missing")
        }
        let digests = files.compactMap(\.value.string)
        guard state.change({ $0.blobs.isSuperset(of: digests) }) else {
            return problem(404, "unknown_blob", "A content is missing")
        }
        let adapter = adapter(name, digest: digests[0], generation: 1)
        state.change { $0.adapters.append(adapter) }
        return Self.json(adapter, 201)
    }

    /// Two adapters to a page, whatever is asked for.
    private static func page(_ request: Request, _ state: Shared<State>) -> Response {
        let start = request.query.first { $0.name == "cursor" }.flatMap { Int($0.value) } ?? 0
        let all = state.change { $0.adapters }
        let page = all.dropFirst(start).prefix(2)
        let next = start + page.count
        return json([
            "object": "list", "data": .array(Array(page)), "next_cursor": next < all.count ? .string("\(next)") : .null,
        ])
    }
}

/// A value behind a lock.
final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: sending Value) { self.value = Mutex(value) }

    func change<Result: Sendable>(_ body: (inout Value) -> sending Result) -> Result {
        value.withLock { value in body(&value) }
    }
}
