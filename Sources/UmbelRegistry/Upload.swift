package import UmbelPOSIX

/// One file that is arriving in a folder of its own below `uploads/`, hashed and brought to the disk as it comes.
final class ArrivingFile {
    /// What is longer has a thread that follows it; the rest is done in passing.
    private static let followedBytes = 1 << 20

    let path: String
    let arrived = ByteGate()
    private let descriptor: FileDescriptor
    /// Of a file that nobody follows.
    private let hash = SHA256()
    private var follower: FileFollower?
    private(set) var bytes = 0
    private var expected: Int?

    init(path: String) throws(SystemError) {
        self.path = path
        descriptor = try FileDescriptor.create(path)
    }

    deinit { arrived.end() }

    /// Gives the file the length that it will have, so that it can be mapped while it arrives.
    func expect(bytes: Int) throws(SystemError) {
        try descriptor.setSize(bytes, path)
        expected = bytes
    }

    func write(_ buffer: UnsafeRawBufferPointer) throws(SystemError) {
        try descriptor.writeAll(buffer, path)
        bytes += buffer.count
        arrived.add(buffer.count)
        if follower == nil, max(bytes, expected ?? 0) >= Self.followedBytes {
            // Without a thread to spare it goes on as it began.
            follower = try? FileFollower(descriptor, path, written: arrived)
        }
        if follower == nil { hash.update(buffer) }
    }

    /// Ends the file. It is not yet on the disk: see `waitUntilDurable`.
    ///
    /// - Returns: its SHA-256.
    func finish() throws(SystemError) -> String {
        arrived.end()
        if let expected, expected != bytes { try descriptor.setSize(bytes, path) }
        guard let follower else { return hash.finish() }
        return try follower.digest()
    }

    /// Waits until the file is on the disk.
    ///
    /// - Precondition: `finish` was called.
    func waitUntilDurable() throws(SystemError) {
        guard let follower else { return try descriptor.synchronizeData(path) }
        try follower.waitUntilDurable()
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

    /// Of the tensor file, how much is there.
    package var arrived: ByteGate? { tensors?.arrived }

    /// Gives the tensor file the length that it will have, so that it can be mapped while it arrives.
    package func expect(bytes: Int) throws(SystemError) { try tensors?.expect(bytes: bytes) }

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
    package func finish() throws(SystemError) {
        guard tensorDigest == nil else { return }
        tensorDigest = try tensors?.finish()
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
