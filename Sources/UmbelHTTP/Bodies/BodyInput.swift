/// Where a request's body comes from: the wire, memory, or a test.
package protocol BodyInput: AnyObject {
    /// Total bytes when they are known before the body is read.
    var declaredLength: Int? { get }

    /// Copies the next bytes; blocks until there is at least one.
    ///
    /// - Returns: 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(BodyError) -> Int
}

/// A body that is already here.
final class MemoryBody: BodyInput {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    var declaredLength: Int? { bytes.count }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, bytes.count - position)
        buffer.copyBytes(from: bytes[position..<(position + count)])
        position += count
        return count
    }
}
