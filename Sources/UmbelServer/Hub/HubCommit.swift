internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelPOSIX
internal import UmbelRegistry

/// What a commit does to an adapter: one tensor file and one file of settings, each new, deleted or left as it was. Every
/// other file (`README.md`, `.gitattributes`, optimizer states) is taken and not kept.
struct HubCommit {
    private static let configLimit = 16 << 20

    private var tensors: (path: String, upload: Upload)?
    /// By path: which one is the adapter's is known when the tensor file is.
    private var configs: [String: [UInt8]] = [:]
    private var deleted: Set<String> = []
    private var deletesTensors = false
    private var foreign: ForeignFormat?
    private(set) var parent: String?

    mutating func apply(_ operation: HubOperation) throws {
        switch operation {
        case .header(let parent): self.parent = parent
        case .file(let path, let content): try add(path, content)
        case .deletion(let path):
            deleted.insert(path)
            if path.hasSuffix(".safetensors") { deletesTensors = true }
        }
    }

    private mutating func add(_ path: String, _ content: HubContent) throws {
        if path.hasSuffix(".safetensors") {
            if let other = tensors?.path { throw HubCommitError.severalTensorFiles(other, path) }
            tensors = (path, try content.upload())
        } else if Directory.name(of: path) == AdapterFile.configName {
            guard let bytes = try content.bytes(limit: Self.configLimit) else {
                throw BodyError.tooLarge(limit: Self.configLimit)
            }
            configs[path] = bytes
        } else if let format = ForeignFormat(fileName: path) {
            foreign = format
        }
    }

    /// Settings lie beside the tensors, at the top where only settings come; those of other folders (checkpoints) are not the
    /// adapter's.
    private var configPath: String {
        guard let tensors, let slash = tensors.path.lastIndex(of: "/") else { return AdapterFile.configName }
        return tensors.path[...slash] + AdapterFile.configName
    }

    private var config: [UInt8]? { configs[configPath] }
    private var deletesConfig: Bool { deleted.contains(configPath) }

    /// Whether the commit changes nothing that is kept.
    private var isEmpty: Bool { tensors == nil && config == nil && !deletesConfig && !deletesTensors }

    /// Points the name to what it holds after the commit.
    func store(as name: String, in engine: Engine) throws -> AdapterRecord {
        let old = engine.adapters.record(name)
        try checkParent(of: name, old)
        if isEmpty {
            if let old { return old }
            if let foreign { throw EngineError.adapterFile(.notSafetensors(format: foreign)) }
        }
        let upload = try upload(onto: old.map { try engine.contents(.init(adapter: $0.name)) }, in: engine, name)
        return try engine.add(upload, as: name, options: old?.options ?? AdapterOptions()) {
            (current) throws(EngineError) in
            // What was not sent was taken from the content before: it must still be that.
            guard current?.digest == old?.digest else {
                throw .preconditionFailed(adapter: name, digest: current?.digest)
            }
        }.record
    }

    private func checkParent(of name: String, _ old: AdapterRecord?) throws {
        guard let parent else { return }
        guard let old, HubSnapshot.commit(of: old).hasPrefix(parent) else {
            throw EngineError.preconditionFailed(adapter: name, digest: old?.digest)
        }
    }

    private func upload(
        onto old: (record: AdapterRecord, tensors: MappedFile, config: MappedFile?)?, in engine: Engine, _ name: String
    ) throws -> Upload {
        let upload: Upload
        if let tensors {
            upload = tensors.upload
        } else {
            if deletesTensors { throw HubCommitError.deletesTensors(adapter: name) }
            guard let old else { throw HubCommitError.noTensors }
            upload = try engine.adapters.beginUpload()
            try upload.write(old.tensors.bytes)
        }
        if let config {
            try upload.setConfig(config)
        } else if let kept = old?.config, keepsConfig {
            try upload.setConfig(Array(kept.bytes))
        }
        try upload.finish()
        return upload
    }

    /// Settings stay when PEFT's tensor file is replaced, and go with a tensor file of another name: that is another kind of
    /// adapter.
    private var keepsConfig: Bool {
        guard !deletesConfig else { return false }
        return tensors.map { Directory.name(of: $0.path) == AdapterFile.peftTensorFile } ?? true
    }
}
