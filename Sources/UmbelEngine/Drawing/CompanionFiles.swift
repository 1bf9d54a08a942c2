internal import UmbelModels
internal import UmbelPOSIX

/// What lies beside a checkpoint in one file, where a pipeline's folder would have it: `tokenizer/vocab.json`,
/// `scheduler/scheduler_config.json`, `unet/config.json`.
///
/// Of `models/ink.safetensors` it is looked for in `models/ink/`, then in `models/`. A base that is a folder with one file in it
/// has the folder's files, as they were when it was opened.
struct CompanionFiles: ModelFolder {
    private let base: BaseModel
    /// In the order in which they are looked into.
    private let folders: [String]

    init(_ base: BaseModel) {
        self.base = base
        let ending = ".safetensors"
        let own = base.location.hasSuffix(ending) ? [String(base.location.dropLast(ending.count))] : []
        folders = base.isSingleFile ? own + [Directory.parent(of: base.location)] : []
    }

    func file(_ path: String) throws(ModelError) -> [UInt8]? {
        for folder in folders {
            if let bytes = try Self.read(folder + "/" + path) { return bytes }
        }
        return FolderOfBase(base).file(path)
    }

    private static func read(_ path: String) throws(ModelError) -> [UInt8]? {
        do {
            let file = try MappedFile(path: path)
            return withExtendedLifetime(file) { Array(file.bytes) }
        } catch {
            if error.isMissingFile { return nil }
            throw .malformed(file: path, reason: error.message)
        }
    }
}
