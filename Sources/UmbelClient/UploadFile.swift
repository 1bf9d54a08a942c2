package import UmbelPOSIX

/// A file that is sent in pieces as the connection takes them, so that it is never in memory as a whole.
package struct UploadFile: Sendable {
    package let path: String
    /// Length in bytes when it was opened.
    package let bytes: Int
    private let descriptor: FileDescriptor

    /// Bytes read at a time for the digest.
    private static let pieceBytes = 1 << 20

    package init(path: String) throws(SystemError) {
        self.path = path
        descriptor = try FileDescriptor.read(path)
        bytes = try descriptor.size(path)
    }

    /// Copies the next bytes from `offset` on.
    ///
    /// - Throws: `ClientError.fileChanged` if the file ends before its length.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(ClientError) -> Int {
        let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(max(0, bytes - offset)))
        guard !wanted.isEmpty else { return 0 }
        let count: Int
        do {
            count = try descriptor.read(into: wanted, at: offset, path)
        } catch {
            throw .file(error)
        }
        guard count > 0 else { throw .fileChanged(path: path) }
        return count
    }

    /// The SHA-256 of the content as 64 hexadecimal digits.
    ///
    /// - Parameter onRead: called with the bytes of each piece.
    package func sha256(onRead: (Int) -> Void = { _ in }) throws(ClientError) -> String {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 16)
        defer { buffer.deallocate() }
        let hash = SHA256()
        var position = 0
        while position < bytes {
            let count = try read(into: buffer, at: position)
            hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            position += count
            onRead(count)
        }
        return hash.finish()
    }
}
