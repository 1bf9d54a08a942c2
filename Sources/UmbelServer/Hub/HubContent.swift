internal import UmbelEngine
internal import UmbelPOSIX
internal import UmbelRegistry

/// The decoded bytes of one file of a commit: a small one in memory, a larger one in a file of its own below `uploads/`.
final class HubContent {
    /// What stays in memory, in bytes.
    static let memoryLimit = 1 << 18

    private var memory: [UInt8] = []
    private var spool: Upload?
    private let beginUpload: () throws -> Upload

    init(beginUpload: @escaping () throws -> Upload) {
        self.beginUpload = beginUpload
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        if spool == nil, memory.count + bytes.count <= Self.memoryLimit {
            memory.append(contentsOf: bytes)
        } else {
            try upload().write(bytes)
        }
    }

    /// The content as an upload that is not finished yet.
    func upload() throws -> Upload {
        if let spool { return spool }
        let upload = try beginUpload()
        try memory.withUnsafeBytes { try upload.write($0) }
        memory = []
        spool = upload
        return upload
    }

    /// The content in memory.
    ///
    /// - Returns: nil if it is longer than `limit` bytes.
    func bytes(limit: Int) throws -> [UInt8]? {
        guard let spool else { return memory.count <= limit ? memory : nil }
        guard spool.bytes <= limit else { return nil }
        let file = try MappedFile(path: spool.tensorPath)
        return withExtendedLifetime(file) { Array(file.bytes) }
    }
}
