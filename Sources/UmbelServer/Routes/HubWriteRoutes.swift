internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelRegistry

/// The write side of the Hugging Face Hub's protocol: a folder with an adapter becomes the content of its name.
///
/// Files come inside the commit, in base64, which is what `preupload` asks for with the mode "regular". Git LFS and Xet are
/// never asked for.
enum HubWriteRoutes {
    static let all =
        [
            Route(
                .post, "/api/repos/create",
                "Begin a repository, for Hub clients: nothing is stored before its first commit",
                dialect: .hub, takesAnyQuery: true, handler: create),
            Route(
                .post, "/api/validate-yaml", "Check a model card, for Hub clients: there is nothing to check",
                dialect: .hub, takesAnyQuery: true, handler: validateCard),
        ]
        + HubRoutes.both("/api/models/{repo}/preupload/{revision}") {
            Route(
                .post, $0, "How files are to be sent, for Hub clients: inside the commit", dialect: .hub,
                takesAnyQuery: true, handler: preupload)
        }
        + HubRoutes.both("/api/models/{repo}/commit/{revision}") {
            Route(
                .post, $0, "Store an adapter, for Hub clients: hf upload NAME FOLDER", dialect: .hub,
                takesAnyQuery: true, handler: commit)
        }

    /// Clients take no address of a repository without one.
    private static let namespace = "umbel"

    private static func create(_ call: Call) throws -> Response {
        let body = try call.json()
        guard let name = body["name"]?.string else { throw RequestError.missingField("name") }
        if let type = body["type"]?.string, type != "model" { throw HubCommitError.notAModel(type) }
        try checkWritable(name, call.engine)
        let repository = "\(body["organization"]?.string ?? namespace)/\(name)"
        let url = "\(call.origin)/\(repository)"
        // A client that may find the repository there reads its address from this answer too.
        guard call.engine.adapters.record(name) == nil else { throw HubCommitError.exists(adapter: name, url: url) }
        return .json(.ok, ["url": .string(url), "name": .string(repository), "id": .string(repository)])
    }

    private static func validateCard(_ call: Call) -> Response {
        .json(.ok, ["errors": .array([]), "warnings": .array([])])
    }

    private static func preupload(_ call: Call) throws -> Response {
        try checkWritable(call.parameter("repo"), call.engine)
        try checkBranch(call)
        guard let files = try call.json()["files"]?.array else { throw RequestError.missingField("files") }
        let modes = try files.map { file -> JSON in
            guard let path = file["path"]?.string else { throw RequestError.missingField("files.path") }
            return ["path": .string(path), "uploadMode": "regular", "shouldIgnore": false, "oid": .null]
        }
        return .json(.ok, ["files": .array(modes)])
    }

    private static func commit(_ call: Call) throws -> Response {
        let name = call.parameter("repo")
        try checkWritable(name, call.engine)
        try checkBranch(call)
        let body = call.request.body
        body.limit = call.application.limits.uploadBytes
        let reader = HubCommitReader(body) { try call.engine.adapters.beginUpload() }
        var commit = HubCommit()
        while let operation = try reader.next() { try commit.apply(operation) }
        let record = try commit.store(as: name, in: call.engine)
        let id = HubSnapshot.commit(of: record)
        let repository = "\(call.parameters["namespace"] ?? namespace)/\(name)"
        return .json(
            .ok,
            [
                "success": true, "commitOid": .string(id),
                "commitUrl": .string("\(call.origin)/\(repository)/commit/\(id)"), "hookOutput": "",
            ], headers: [.eTag: "\"sha256:\(record.digest)\""])
    }

    private static func checkWritable(_ name: String, _ engine: Engine) throws {
        guard Name.isValid(name) else { throw EngineError.invalidName(name) }
        guard engine.base(name) == nil else { throw HubCommitError.baseIsReadOnly(name) }
    }

    private static func checkBranch(_ call: Call) throws {
        let revision = call.parameter("revision")
        guard revision == HubSnapshot.branch, call.query("create_pr") == nil else {
            throw HubCommitError.otherBranch(revision)
        }
    }
}
