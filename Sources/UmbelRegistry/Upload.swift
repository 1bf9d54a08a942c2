package import UmbelPOSIX

/// One file that is arriving in a folder of its own below `uploads/`, hashed and brought to the disk as it comes.
final class ArrivingFile {
    /// As many bytes are brought to the disk at a time while more arrives.
    private static let syncedBytes = 1 << 20

    let path: String
    private let descriptor: FileDescriptor
    private let hash = SHA256()
    private var sync: BackgroundSync?
    private var isFinished = false
    private(set) var bytes = 0

    init(path: String) throws(SystemError) {
        self.path = path
        descriptor = try FileDescriptor.create(path)
    }

    deinit { if !isFinished { sync?.end() } }

    func write(_ buffer: UnsafeRawBufferPointer) throws(SystemError) {
        try descriptor.writeAll(buffer, path)
        hash.update(buffer)
        let before = bytes
        bytes += buffer.count
        guard bytes / Self.syncedBytes > before / Self.syncedBytes else { return }
        // Without a thread to spare all of it is brought to the disk at the end.
        if sync == nil { sync = try? BackgroundSync(descriptor, path) }
        sync?.more()
    }

    /// Ends the file. It is not yet on the disk: see `waitUntilDurable`.
    ///
    /// - Returns: its SHA-256.
    func finish() -> String {
        sync?.end()
        isFinished = true
        return hash.finish()
    }

    /// Waits until the file is on the disk.
    ///
    /// - Precondition: `finish` was called.
    func waitUntilDurable() throws(SystemError) {
        guard let sync else { return try descriptor.synchronizeData(path) }
        try sync.wait()
    }
}

/// Files of an adapter that are arriving. Removed with the value unless they were committed.
package final class Upload {
    private let folder: String
    private var tensors: ArrivingFile?
    private var tensorDigest: String?
    private var configDigest: String?
    package private(set) var bytes = 0

    init(folder: String) throws(SystemError) {
        self.folder = folder
        try Directory.create(folder)
        tensors = try ArrivingFile(path: folder + "/" + AdapterContent.tensorFile)
    }

    /// An upload of files that are here already, finished from the start.
    ///
    /// - Parameters:
    ///   - blobs: the folder where they lie under their SHA-256. They are linked, so that they stay whatever becomes of
    ///     those names.
    ///   - bytes: length of the tensor file.
    init(folder: String, blobs: String, tensors: String, config: String?, bytes: Int) throws(SystemError) {
        self.folder = folder
        try Directory.create(folder)
        tensorDigest = tensors
        configDigest = config
        self.bytes = bytes
        try Directory.link(blobs + "/" + tensors, as: tensorPath)
        if let config { try Directory.link(blobs + "/" + config, as: folder + "/" + AdapterContent.configFile) }
    }

    deinit {
        // What cannot be removed now goes at the next start.
        try? Directory.removeTree(folder)
    }

    package var tensorPath: String { folder + "/" + AdapterContent.tensorFile }
    package var configPath: String? { configDigest == nil ? nil : folder + "/" + AdapterContent.configFile }

    /// Appends to the tensor file.
    package func write(_ buffer: UnsafeRawBufferPointer) throws(SystemError) {
        try tensors?.write(buffer)
        bytes += buffer.count
    }

    package func setConfig(_ config: [UInt8]) throws(SystemError) {
        try AtomicFile.write(config, to: folder + "/" + AdapterContent.configFile)
        configDigest = config.withUnsafeBytes(SHA256.hex(of:))
    }

    /// Ends the tensor file. Whoever stores the upload waits until it is on the disk.
    package func finish() {
        guard tensorDigest == nil else { return }
        tensorDigest = tensors?.finish()
    }

    /// - Precondition: `finish` was called.
    package var content: AdapterContent {
        guard let tensorDigest else { preconditionFailure("content of an unfinished upload") }
        return AdapterContent(tensors: tensorDigest, config: configDigest, bytes: bytes)
    }

    /// Of the tensor file, or of the list "digest  name" of both files.
    ///
    /// - Precondition: `finish` was called.
    package var digest: String { content.digest }

    /// Returns when the tensor file is on the disk; at once if it is known to be there.
    ///
    /// - Precondition: `finish` was called.
    func waitUntilDurable() throws(SystemError) { try tensors?.waitUntilDurable() }

    /// Puts the files, once they are on the disk, below `blobs` under their digests. What lies there of the same name holds the same bytes.
    func move(to blobs: String) throws(SystemError) {
        let content = content
        try waitUntilDurable()
        try Directory.rename(tensorPath, to: blobs + "/" + content.tensors)
        if let configPath, let config = content.config { try Directory.rename(configPath, to: blobs + "/" + config) }
    }

    /// Removes what has not been moved.
    func discard() { try? Directory.removeTree(folder) }  // swept at the next start if it cannot be removed now
}
