import UmbelClient
import UmbelEngine
import UmbelFormats
import UmbelPOSIX
import UmbelServer

/// An adapter on this machine's disk, ready to be sent.
struct LocalAdapter {
    let tensors: UploadFile
    let config: UploadFile?

    /// The server checks everything; here is looked only at what can be told without reading the tensors, so that nobody
    /// uploads gigabytes to learn that they are no safetensors.
    ///
    /// - Throws: `CommandFailure`.
    init(path: String) throws(CommandFailure) {
        do throws(EngineError) {
            let files = try AdapterFile.files(of: path)
            try Self.checkHeader(files.tensors)
            tensors = try Self.open(files.tensors)
            config = try files.config.map { path throws(EngineError) in try Self.open(path) }
        } catch {
            throw CommandFailure(.badInput, Problem(error).detail)
        }
    }

    private static func checkHeader(_ path: String) throws(EngineError) {
        do {
            _ = try SafetensorsFile(path: path)
        } catch {
            switch error {
            case .system(let error): throw .system(error)
            case .invalid(_, let error): throw .adapterFile(error)
            }
        }
    }

    private static func open(_ path: String) throws(EngineError) -> UploadFile {
        do {
            return try UploadFile(path: path)
        } catch {
            throw .system(error)
        }
    }

    /// What an adapter is called if nobody says so: as its folder, or as its file without the ending. The tensor file of a
    /// PEFT folder has the same name in each, so it is called as the folder too.
    static func name(of path: String) -> String {
        let isFolder = Directory.isDirectory(path)
        if !isFolder, let files = try? AdapterFile.files(of: path), files.config != nil {
            return name(of: Directory.parent(of: path))
        }
        var name = Directory.name(of: path)
        if name == "." || name == ".." { name = Directory.name(of: Directory.resolved(path) ?? path) }
        let ending = ".safetensors"
        return !isFolder && name.hasSuffix(ending) ? String(name.dropLast(ending.count)) : name
    }
}
