internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelPOSIX
internal import UmbelRegistry

/// A repository at a revision, as Hub clients see it: an id that never means anything else, and files.
///
/// | repository | revision | files |
/// |---|---|---|
/// | a base or a route | `main`, the terms of a recipe, a variant id | the merged model's |
/// | an adapter | `main`, what may follow `@` in a reference | what was uploaded |
///
/// A name that is a base or a route and an adapter too means the former.
struct HubSnapshot {
    struct File {
        let path: String
        let bytes: Int
        /// Known without reading the file; nil for one that is merged when it is asked for.
        let sha256: String?
        /// 64 digits only if they are the SHA-256, because clients compare that; the same for equal files of all variants
        /// where it is, so that clients fetch such a file once.
        let entityTag: String
        let source: @Sendable () -> any ByteSource
    }

    /// As it was asked for, with its namespace.
    let repository: String
    /// 40 hexadecimal digits.
    let commit: String
    /// Sorted by path.
    let files: [File]
    /// `X-Repo-Commit`, and the headers of every answer that comes of a variant.
    let headers: HTTPFields

    static let branch = "main"

    /// The snapshot that the path's `repo` and `revision` mean; without a revision that of the branch.
    init(_ call: Call) throws {
        let name = call.parameter("repo")
        let revision = call.parameters["revision"] ?? Self.branch
        if Self.isAdapter(name, call.engine) {
            self = try Self(adapter: name, revision, call)
        } else {
            self = try Self(model: name, revision, call)
        }
    }

    static func isAdapter(_ name: String, _ engine: Engine) -> Bool {
        engine.base(name) == nil && engine.traffic.route(name) == nil && engine.adapters.record(name) != nil
    }

    private init(repository: String, commit: String, files: [File], headers: HTTPFields) {
        self.repository = repository
        self.commit = commit
        self.files = files
        self.headers = headers
    }

    private init(model name: String, _ revision: String, _ call: Call) throws {
        let model: ResolvedModel
        if revision == Self.branch {
            model = try call.model(name)
        } else if VariantIdentity.isID(revision) {
            model = try call.model(revision)
            // An id says by itself what it is; a repository that does not exist, or another base's, is a mistake all the same.
            let isBase = call.engine.base(name) != nil
            if !isBase, call.engine.traffic.route(name) == nil { _ = try call.engine.variant(name) }
            guard !isBase || model.variant.model.base.name == name else { throw EngineError.unknownVariant(revision) }
        } else {
            model = try call.model("\(name)+\(revision)")
        }
        let variant = model.variant
        // The client will come back with the id alone, perhaps in another year.
        try call.engine.publish(variant)
        var headers = model.headers(call)
        headers[.repoCommit] = variant.id
        let digests = call.application.downloadDigests
        let cache = call.engine.cache
        let files = variant.model.files.map { file in
            let key = DownloadDigests.Key(variant: variant.id, path: file.path)
            let own = file.isBaseFile ? variant.model.base.fileDigest(file.path) : nil
            let source = MergedFileSource(
                variant: variant, file: file, tensors: CachedTensors(cache: cache, variant: variant))
            return File(
                path: file.path, bytes: file.bytes, sha256: own ?? digests.digest(key),
                entityTag: own ?? variant.entityTag(of: file.path),
                source: { own == nil ? digests.watching(source, as: key) : source })
        }
        self.init(repository: call.repository, commit: variant.id, files: files, headers: headers)
    }

    private init(adapter name: String, _ revision: String, _ call: Call) throws {
        let term: ModelReference.Term
        do {
            // Whatever may stand behind the @ of a reference selects a content; the base in front does not matter here.
            let text = revision == Self.branch ? name : "\(name)@\(revision)"
            term = try ModelReference("base+" + text).terms[0]
        } catch {
            throw EngineError.reference(error)
        }
        let (record, tensors, config) = try call.engine.contents(term)
        let content = call.engine.adapters.content(record.digest)
        var files = [
            File(
                path: config == nil ? "\(name).safetensors" : AdapterFile.peftTensorFile, bytes: tensors.bytes.count,
                sha256: content?.tensors, entityTag: content?.tensors ?? Self.entityTag(record, "tensors"),
                source: { MappedSource(file: tensors) })
        ]
        if let config {
            files.insert(
                File(
                    path: AdapterFile.configName, bytes: config.bytes.count, sha256: content?.config,
                    entityTag: content?.config ?? Self.entityTag(record, "config"),
                    source: { MappedSource(file: config) }),
                at: 0)
        }
        let commit = Self.commit(of: record)
        self.init(repository: call.repository, commit: commit, files: files, headers: [.repoCommit: commit])
    }

    /// The commit that stands for a content of an adapter.
    static func commit(of record: AdapterRecord) -> String { String(record.digest.prefix(40)) }

    private static func entityTag(_ record: AdapterRecord, _ path: String) -> String {
        String(SHA256.hex(of: "\(record.digest)\n\(path)").prefix(40))
    }

    func file(_ path: String) -> File? { files.first { $0.path == path } }
}

extension Call {
    /// The repository's id as it was asked for.
    var repository: String {
        let name = parameter("repo")
        return parameters["namespace"].map { "\($0)/\(name)" } ?? name
    }

    /// Where this service is for the client: scheme and authority, without a final slash.
    var origin: String {
        let isSecure = request.headers[.forwardedProtocol]?.lowercased() == "https"
        return (isSecure ? "https://" : "http://") + (request.headers[.hostField] ?? "localhost")
    }
}

extension HTTPField.Name {
    static let hostField = Self("Host") ?? .server
    static let link = Self("Link") ?? .server
    static let forwardedProtocol = Self("X-Forwarded-Proto") ?? .server
}
