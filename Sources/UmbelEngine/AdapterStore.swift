internal import Synchronization
internal import UmbelFormats
package import UmbelPOSIX

/// Adapters on disk: contents by digest, names pointing to them. Each change is one rename, so that a crash leaves either
/// the old state or the new.
///
///     <folder>/adapters/<name>.json       what the name points to
///     <folder>/blobs/<digest>/            adapter.safetensors, and adapter_config.json for PEFT
///     <folder>/uploads/                   what is arriving; emptied at start
///     <folder>/lock                       held by the one process that uses the folder
package final class AdapterStore: Sendable {
    private let folder: String
    private let lock: FileDescriptor
    private let records: Mutex<[String: AdapterRecord]>
    /// Record files that could not be read at start, with the reason.
    package let unreadable: [String]

    package static let tensorFile = "adapter.safetensors"

    /// Opens the folder, making it if need be.
    ///
    /// - Throws: `SystemError` with `isTaken` if another process uses it: the two would sweep each other's uploads away.
    package init(folder: String) throws(SystemError) {
        self.folder = folder
        try Directory.create(folder)
        lock = try FileDescriptor.locking(folder + "/lock")
        for name in ["adapters", "blobs"] { try Directory.create(folder + "/" + name) }
        try Directory.removeTree(folder + "/uploads")
        try Directory.create(folder + "/uploads")
        var found: [String: AdapterRecord] = [:]
        var unreadable: [String] = []
        for file in try Directory.names(in: folder + "/adapters") {
            let path = folder + "/adapters/" + file
            guard file.hasSuffix(".json") else {
                // The temporary sibling of a record whose writer died.
                try Directory.removeFile(path)
                continue
            }
            if let record = try Self.read(path), Directory.isFile(folder + "/blobs/\(record.digest)/\(Self.tensorFile)")
            {
                found[record.name] = record
            } else {
                unreadable.append(path)
            }
        }
        records = Mutex(found)
        self.unreadable = unreadable
        // What an unreadable record points to is not known, so nothing is an orphan for sure.
        if unreadable.isEmpty { try removeOrphans(keeping: Set(found.values.map(\.digest))) }
    }

    private static func read(_ path: String) throws(SystemError) -> AdapterRecord? {
        let file = try MappedFile(path: path)
        guard let json = try? JSON(parsing: file.bytes) else { return nil }  // reported by the caller with its path
        return AdapterRecord(json)
    }

    private func removeOrphans(keeping digests: Set<String>) throws(SystemError) {
        for digest in try Directory.names(in: folder + "/blobs") where !digests.contains(digest) {
            try Directory.removeTree(folder + "/blobs/" + digest)
        }
    }

    package func record(_ name: String) -> AdapterRecord? { records.withLock { $0[name] } }

    /// All records, by name.
    package func all() -> [AdapterRecord] { records.withLock { $0.values.sorted { $0.name < $1.name } } }

    package func tensorPath(_ digest: String) -> String { folder + "/blobs/\(digest)/\(Self.tensorFile)" }

    /// nil if the content has no settings.
    package func configPath(_ digest: String) -> String? {
        let path = folder + "/blobs/\(digest)/\(AdapterFile.configName)"
        return Directory.isFile(path) ? path : nil
    }

    /// A new file to receive an upload.
    package func beginUpload() throws(SystemError) -> Upload {
        try Upload(folder: "\(folder)/uploads/\(UInt64.random(in: 0 ... .max))")
    }

    /// Points a name to what an upload received.
    ///
    /// - Parameter check: asked with the name's present record under the lock; throws to refuse.
    /// - Returns: the new record, and whether the name is new.
    package func commit(
        _ upload: Upload, as name: String, options: AdapterOptions,
        check: (AdapterRecord?) throws(EngineError) -> Void
    ) throws(EngineError) -> (record: AdapterRecord, isNew: Bool) {
        let digest = upload.digest
        return try records.withLock { records throws(EngineError) in
            let old = records[name]
            try check(old)
            if let old, old.digest == digest, old.options == options { return (old, false) }
            let record = AdapterRecord(
                name: name, digest: digest, bytes: upload.bytes, created: .now, generation: (old?.generation ?? 0) + 1,
                options: options)
            do throws(SystemError) {
                let blob = folder + "/blobs/" + digest
                if !Directory.isDirectory(blob) { try upload.move(to: blob) }
                try AtomicFile.write(record.json.text.utf8, to: "\(folder)/adapters/\(name).json")
            } catch {
                throw .system(error)
            }
            records[name] = record
            if let old { removeUnused(old.digest, records) }
            return (record, old == nil)
        }
    }

    /// Forgets a name, and its content if no other name points there. Requests that use the content keep it mapped.
    ///
    /// - Returns: false if there is no such name.
    package func remove(_ name: String, check: (AdapterRecord) throws(EngineError) -> Void) throws(EngineError) -> Bool
    {
        try records.withLock { records throws(EngineError) in
            guard let record = records[name] else { return false }
            try check(record)
            do throws(SystemError) {
                try Directory.removeFile("\(folder)/adapters/\(name).json")
                try Directory.synchronize(folder + "/adapters")
            } catch {
                throw .system(error)
            }
            records[name] = nil
            removeUnused(record.digest, records)
            return true
        }
    }

    /// Removes a content that no name points to. One that cannot be removed now is swept at the next start.
    private func removeUnused(_ digest: String, _ records: [String: AdapterRecord]) {
        guard !records.values.contains(where: { $0.digest == digest }) else { return }
        try? Directory.removeTree(folder + "/blobs/" + digest)
    }
}

/// Files that are arriving. Removed with the value unless they were committed.
package final class Upload {
    private let folder: String
    private var tensors: FileDescriptor?
    private let hash = SHA256()
    private var configDigest: String?
    private var finished: String?
    package private(set) var bytes = 0

    init(folder: String) throws(SystemError) {
        self.folder = folder
        try Directory.create(folder)
        tensors = try FileDescriptor.create(folder + "/" + AdapterStore.tensorFile)
    }

    deinit {
        // What cannot be removed now goes at the next start.
        try? Directory.removeTree(folder)
    }

    package var tensorPath: String { folder + "/" + AdapterStore.tensorFile }
    package var configPath: String? { configDigest == nil ? nil : folder + "/" + AdapterFile.configName }

    /// Appends to the tensor file.
    package func write(_ buffer: UnsafeRawBufferPointer) throws(SystemError) {
        try tensors?.writeAll(buffer, tensorPath)
        hash.update(buffer)
        bytes += buffer.count
    }

    package func setConfig(_ config: [UInt8]) throws(SystemError) {
        try AtomicFile.write(config, to: folder + "/" + AdapterFile.configName)
        configDigest = config.withUnsafeBytes(SHA256.hex(of:))
    }

    /// Makes the tensor file durable and ends it.
    package func finish() throws(SystemError) {
        try tensors?.synchronize(tensorPath)
        tensors = nil
        finished = hash.finish()
    }

    /// Of the tensor file, or of the list "digest  name" of both files.
    ///
    /// - Precondition: `finish` was called.
    package var digest: String {
        guard let finished else { preconditionFailure("digest of an unfinished upload") }
        guard let configDigest else { return finished }
        return AdapterDigest.of(tensors: finished, config: configDigest)
    }

    func move(to path: String) throws(SystemError) {
        try Directory.synchronize(folder)
        try Directory.rename(folder, to: path)
    }
}

/// The digest of an adapter that has settings.
enum AdapterDigest {
    /// SHA-256 of the list "digest  name" of both files.
    static func of(tensors: String, config: String) -> String {
        SHA256.hex(of: "\(config)  \(AdapterFile.configName)\n\(tensors)  \(AdapterStore.tensorFile)\n")
    }
}
