/// Bytes on their way out, told by where they lie, so that whoever sends them need not have them copied first.
package enum BytePiece {
    /// Valid during the call that the piece is handed to.
    case memory(UnsafeRawBufferPointer)
    /// A range of a file, whose bytes the kernel can send without showing them to the process.
    case file(MappedFile, Range<Int>)

    package var count: Int {
        switch self {
        case .memory(let bytes): bytes.count
        case .file(_, let range): range.count
        }
    }

    /// Hands over the bytes themselves, wherever they are.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        switch self {
        case .memory(let bytes): try body(bytes)
        case .file(let file, let range):
            try withExtendedLifetime(file) { try body(UnsafeRawBufferPointer(rebasing: file.bytes[range])) }
        }
    }
}
