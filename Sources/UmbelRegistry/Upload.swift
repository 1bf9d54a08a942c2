package import UmbelPOSIX

/// One file that is arriving in a folder of its own below `uploads/`, hashed as it comes.
final class ArrivingFile {
    let path: String
    private var descriptor: FileDescriptor?
    private let hash = SHA256()
    private(set) var bytes = 0

    init(path: String) throws(SystemError) {
        self.path = path
        descriptor = try FileDescriptor.create(path)
    }

    func write(_ buffer: UnsafeRawBufferPointer) throws(SystemError) {
        try descriptor?.writeAll(buffer, path)
        hash.update(buffer)
        bytes += buffer.count
    }

    /// Makes the file durable and ends it.
    ///
    /// - Returns: its SHA-256.
    func finish() throws(SystemError) -> String {
        try descriptor?.synchronize(path)
        descriptor = nil
        return hash.finish()
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

    /// Makes the tensor file durable and ends it.
    package func finish() throws(SystemError) {
        guard let tensors else { return }
        tensorDigest = try tensors.finish()
        self.tensors = nil
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

    /// Puts the files below `blobs` under their digests. What lies there of the same name holds the same bytes.
    func move(to blobs: String) throws(SystemError) {
        let content = content
        try Directory.rename(tensorPath, to: blobs + "/" + content.tensors)
        if let configPath, let config = content.config { try Directory.rename(configPath, to: blobs + "/" + config) }
    }

    /// Removes what has not been moved.
    func discard() { try? Directory.removeTree(folder) }  // swept at the next start if it cannot be removed now
}
