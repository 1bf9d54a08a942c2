internal import Synchronization
internal import UmbelFormats
package import UmbelPOSIX
internal import UmbelRegistry

/// A folder from which adapters are taken in: `.safetensors` files, and folders that hold one with its
/// `adapter_config.json`. Files are read, never moved or changed.
///
/// Each content is taken from a path once: what was done to the name later is not undone until the file is replaced. A
/// file that goes does not remove its adapter.
package final class WatchedFolder: Sendable {
    package let path: String
    private let engine: Engine
    private let list = Mutex(WatchList())
    /// Why the folder itself could not be read at the last look.
    private let fault = Mutex<SystemError?>(nil)

    package init(path: String, engine: Engine) {
        self.path = path
        self.engine = engine
    }

    package var entries: [(path: String, outcome: WatchList.Outcome?)] { list.withLock { $0.all } }
    package var folderFault: SystemError? { fault.withLock { $0 } }

    /// Looks at the folder, and takes in what has not changed since the last look.
    ///
    /// - Returns: what came of each path that was ready.
    package func look() throws(SystemError) -> [(path: String, outcome: WatchList.Outcome)] {
        do throws(SystemError) {
            let folder = try OpenFolder(path)
            let listing = try Self.listing(folder)
            fault.withLock { $0 = nil }
            let ready = list.withLock { $0.look(listing) }
            return ready.map { name in
                let outcome = judge(name, listing, in: folder)
                list.withLock { $0.judge(name, outcome) }
                return (name, outcome)
            }
        } catch {
            fault.withLock { $0 = error }
            throw error
        }
    }

    // MARK: Looking

    private static let tensorFiles = ["adapter_model.safetensors", AdapterContent.tensorFile]

    /// What could be an adapter, with its stamp. Hidden files and those of other kinds are nobody's fault.
    private static func listing(_ folder: OpenFolder) throws(SystemError) -> [String: WatchList.Stamp] {
        var listing: [String: WatchList.Stamp] = [:]
        for name in try folder.names() where !name.hasPrefix(".") {
            // Gone since it was listed: the next look tells.
            guard let entry = try? folder.entry(name) else { continue }
            let isFile = name.hasSuffix(".safetensors") || ForeignFormat(fileName: name) != nil
            switch entry.kind {
            case .file where isFile: listing[name] = [entry]
            case .folder:
                guard let inner = try? folder.folder(name) else { continue }
                let files = tensorFiles + [AdapterContent.configFile]
                let found = files.compactMap { try? inner.entry($0) }
                if !found.isEmpty { listing[name] = found }
            case .link, .other: if isFile || entry.kind == .link { listing[name] = [entry] }
            case .file: break
            }
        }
        return listing
    }

    // MARK: Taking in

    private func judge(
        _ path: String, _ listing: [String: WatchList.Stamp], in folder: OpenFolder
    ) -> WatchList.Outcome {
        do throws(EngineError) {
            guard listing[path]?.allSatisfy({ $0.kind == .file }) ?? false else { throw .notAFile(path) }
            let name = try Self.name(of: path)
            if let other = listing.keys.sorted().first(where: { (try? Self.name(of: $0)) == name }), other != path {
                throw .nameClash(name: name, path: path, other: other)
            }
            if let format = ForeignFormat(fileName: path) { throw .adapterFile(.notSafetensors(format: format)) }
            return try take(path, as: name, in: folder)
        } catch {
            return .refused(error)
        }
    }

    /// The name of a path: without its ending, other characters as hyphens, none but a letter or digit at the beginning.
    package static func name(of path: String) throws(EngineError) -> String {
        let ending = [".safetensors"].first { path.hasSuffix($0) } ?? ""
        let characters = path.dropLast(ending.count).map { Name.isValid("a\($0)") ? $0 : "-" }
        let name = String(String(characters).drop { !Name.isValid(String($0)) }.prefix(96))
        guard Name.isValid(name) else { throw .invalidName(path) }
        return name
    }

    private func take(_ path: String, as name: String, in folder: OpenFolder) throws(EngineError) -> WatchList.Outcome {
        let upload = try registry { () throws(RegistryError) in try engine.adapters.beginUpload() }
        do throws(SystemError) {
            try read(path, in: folder, into: upload)
        } catch {
            throw .system(error)
        }
        let digest = upload.digest
        let before = try registry { () throws(RegistryError) in try engine.adapters.taken(from: path) }
        if before == digest { return .unchanged(name: name, digest: digest) }
        let isThere = engine.adapters.record(name)?.digest == digest
        _ = try engine.add(upload, as: name, options: engine.adapters.record(name)?.options ?? .init()) { _ in }
        try registry { () throws(RegistryError) in try engine.adapters.setTaken(digest, from: path) }
        return isThere ? .unchanged(name: name, digest: digest) : .added(name: name, digest: digest)
    }

    private func registry<Result>(_ body: () throws(RegistryError) -> Result) throws(EngineError) -> Result {
        do {
            return try body()
        } catch {
            throw .registry(error)
        }
    }

    private func read(_ path: String, in folder: OpenFolder, into upload: Upload) throws(SystemError) {
        let entry = try folder.entry(path)
        guard entry.kind == .folder else {
            try Self.copy(path, in: folder) { buffer throws(SystemError) in try upload.write(buffer) }
            return try upload.finish()
        }
        let inner = try folder.folder(path)
        let tensors = Self.tensorFiles.first { (try? inner.entry($0)) != nil } ?? Self.tensorFiles[0]
        try Self.copy(tensors, in: inner) { buffer throws(SystemError) in try upload.write(buffer) }
        if (try? inner.entry(AdapterContent.configFile)) != nil {
            var config: [UInt8] = []
            try Self.copy(AdapterContent.configFile, in: inner) { buffer throws(SystemError) in config += Array(buffer)
            }
            try upload.setConfig(config)
        }
        try upload.finish()
    }

    private static func copy(
        _ name: String, in folder: OpenFolder, to write: (UnsafeRawBufferPointer) throws(SystemError) -> Void
    ) throws(SystemError) {
        let file = try folder.file(name)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer, name)
            if count == 0 { return }
            try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
