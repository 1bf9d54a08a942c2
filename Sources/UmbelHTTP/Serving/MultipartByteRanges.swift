/// A `multipart/byteranges` body (RFC 9110, 14.6), its length known before a byte is produced.
///
///     --boundary CRLF Content-Type: … CRLF Content-Range: … CRLF CRLF bytes CRLF    for each range
///     --boundary-- CRLF
package struct MultipartByteRanges: Sendable {
    package let source: any ByteSource
    package let parts: [(head: [UInt8], range: Range<Int>)]
    package let tail: [UInt8]
    package let boundary: String

    package init(_ source: any ByteSource, _ ranges: [Range<Int>], contentType: String) {
        // 128 random bits do not occur in the content.
        let boundary =
            String(UInt64.random(in: 0 ... .max), radix: 36) + String(UInt64.random(in: 0 ... .max), radix: 36)
        self.source = source
        self.boundary = boundary
        parts = ranges.enumerated().map { index, range in
            let head = """
                \(index == 0 ? "" : "\r\n")--\(boundary)\r\nContent-Type: \(contentType)\r\n\
                Content-Range: \(Self.contentRange(range, source.count))\r\n\r\n
                """
            return (Array(head.utf8), range)
        }
        tail = Array("\r\n--\(boundary)--\r\n".utf8)
    }

    /// In bytes.
    package var count: Int {
        parts.reduce(tail.count) { $0 + $1.head.count + $1.range.count }
    }

    static func contentRange(_ range: Range<Int>, _ count: Int) -> String {
        "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(count)"
    }

    /// The body as a byte sequence.
    func write(to sink: ByteSink) throws {
        for part in parts {
            try give(part.head[...], to: sink)
            try source.write(part.range, to: sink)
        }
        try give(tail[...], to: sink)
    }
}
