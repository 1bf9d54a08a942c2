internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP

/// The read side of the Hugging Face Hub's protocol, for clients whose `HF_ENDPOINT` points here.
///
/// A client resolves the revision that it was given once, to 40 hexadecimal digits, and asks for everything else by those:
/// so a recipe in the place of a branch gives it an immutable snapshot.
enum HubRoutes {
    static let all =
        [
            Route(
                .get, "/api/whoami-v2", "Who a Hub token belongs to: there are no users here", dialect: .hub,
                takesAnyQuery: true, handler: whoAmI)
        ]
        + both("/{repo}/resolve/{revision}/{path...}") {
            Route(
                .get, $0, "A file of a repository, for Hub clients", statuses: [200, 206, 304], dialect: .hub,
                takesAnyQuery: true, isCopiedToShadows: true, handler: resolve)
        }
        + both("/api/models/{repo}") {
            Route(
                .get, $0, "A repository's id and files, for Hub clients", dialect: .hub, takesAnyQuery: true,
                handler: information)
        }
        + both("/api/models/{repo}/revision/{revision}") {
            Route(
                .get, $0, "What a revision resolves to: main, the terms of a recipe or a variant id", dialect: .hub,
                takesAnyQuery: true, handler: information)
        }
        + both("/api/models/{repo}/tree/{revision}") {
            Route(
                .get, $0, "The files of a repository, for Hub clients", parameters: treeParameters, dialect: .hub,
                takesAnyQuery: true, handler: tree)
        }
        + both("/api/models/{repo}/tree/{revision}/{path...}") {
            Route(
                .get, $0, "The files of a repository's folder, for Hub clients", parameters: treeParameters,
                dialect: .hub, takesAnyQuery: true, handler: tree)
        }
        + both("/api/models/{repo}/paths-info/{revision}") {
            Route(
                .post, $0, "Some files of a repository, for Hub clients", dialect: .hub, takesAnyQuery: true,
                handler: pathsInformation)
        }

    private static let treeParameters: [Route.Parameter] = [
        .init("recursive", "true: with everything below"), .init("limit", "how many at most, 1 to 1000"),
        .init("cursor", "given by the Link of the page before"),
    ]

    /// A repository's id has one part or two; the first of two, the namespace, means nothing here.
    static func both(_ path: String, _ route: (String) -> Route) -> [Route] {
        [route(path), route(path.replacing("{repo}", with: "{namespace}/{repo}"))]
    }

    private static func whoAmI(_ call: Call) -> Response {
        .json(
            .ok,
            [
                "type": "user", "id": "umbel", "name": "umbel", "fullname": "Umbel", "email": .null, "isPro": false,
                "orgs": .array([]),
                "auth": ["type": "access_token", "accessToken": ["displayName": "", "role": "write"]],
            ])
    }

    private static func resolve(_ call: Call) throws -> Response {
        let snapshot = try HubSnapshot(call)
        guard let file = snapshot.file(call.parameter("path")) else { return missing(call.parameter("path"), snapshot) }
        let representation = Representation(
            etag: file.entityTag, contentType: MediaType.of(file.path), headers: snapshot.headers)
        return serve(file.source(), as: representation, for: call.request)
    }

    /// With the commit, a client may remember that this snapshot has no such file.
    private static func missing(_ path: String, _ snapshot: HubSnapshot) -> Response {
        let error = EngineError.unknownFile(model: snapshot.repository, path: path)
        var response = Problem(error).response(.hub)
        response.headers[.repoCommit] = snapshot.commit
        return response
    }

    private static func information(_ call: Call) throws -> Response {
        let snapshot = try HubSnapshot(call)
        return .json(.ok, HubView.model(snapshot), headers: snapshot.headers)
    }

    private static func tree(_ call: Call) throws -> Response {
        let snapshot = try HubSnapshot(call)
        var limit = 1000
        if let text = call.query("limit") {
            guard let value = Int(text), (1...1000).contains(value) else {
                throw RequestError.invalidParameter(name: "limit", value: text, expected: "a number from 1 to 1000")
            }
            limit = value
        }
        let isRecursive = try call.flag("recursive")
        guard let tree = HubTree(snapshot, below: call.parameter("path"), isRecursive: isRecursive) else {
            return missing(call.parameter("path"), snapshot)
        }
        let (entries, next) = tree.page(after: call.query("cursor") ?? "", limit: limit)
        var headers = snapshot.headers
        if let next {
            let path = call.request.target.prefix { $0 != "?" }
            let query = "recursive=\(isRecursive)&limit=\(limit)&cursor=\(escaped(next))"
            headers[.link] = "<\(call.origin)\(path)?\(query)>; rel=\"next\""
        }
        return .json(.ok, .array(entries.map(\.json)), headers: headers)
    }

    /// Percent escapes for everything but what RFC 3986 calls unreserved.
    private static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }

    /// Files and folders of those paths; what is not there is left out.
    private static func pathsInformation(_ call: Call) throws -> Response {
        let snapshot = try HubSnapshot(call)
        let wanted = Set(try wantedPaths(call))
        let entries = HubTree(snapshot, below: "", isRecursive: true)?.entries ?? []
        return .json(
            .ok, .array(entries.filter { wanted.contains($0.path) }.map(\.json)), headers: snapshot.headers)
    }

    /// The body is a form, `paths=a&paths=b`, or JSON, `{"paths": ["a", "b"]}`.
    private static func wantedPaths(_ call: Call) throws -> [String] {
        if call.request.headers[.contentType]?.lowercased().hasPrefix("application/json") == true {
            guard let paths = try call.json()["paths"]?.strings else {
                throw RequestError.invalidField(name: "paths", expected: "a list of paths")
            }
            return paths
        }
        let body = try call.request.body.readAll(limit: 1 << 20)
        do {
            // A form is written as a query is.
            return try RequestTarget("/?".utf8 + body).query.filter { $0.name == "paths" }.map(\.value)
        } catch {
            throw RequestError.invalidField(name: "paths", expected: "fields of a form")
        }
    }
}
