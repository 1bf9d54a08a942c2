/// Bytes of known number, of which any range can be produced: a file, or a model that is merged while it is sent.
package protocol ByteSource: Sendable {
    var count: Int { get }

    /// Produces exactly the bytes of `range`, in order, in pieces of any size. Blocks; may be called for several
    /// ranges. A piece that lies in a file is best given
    /// as that: it goes out without being copied.
    func write(_ range: Range<Int>, to sink: ByteSink) throws
}

/// A byte source in memory.
package struct MemorySource: ByteSource {
    private let bytes: [UInt8]

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package var count: Int { bytes.count }

    package func write(_ range: Range<Int>, to sink: ByteSink) throws {
        try give(bytes[range], to: sink)
    }
}
