/// Numbers of either byte order at places that may not exist, counted from the first byte.
struct ByteReader {
    let bytes: ArraySlice<UInt8>
    var mostSignificantFirst = true

    var count: Int { bytes.count }

    /// An unsigned number of `width` bytes, at most 4; nil beyond the end.
    func number(at offset: Int, width: Int) -> Int? {
        guard let field = slice(at: offset, count: width) else { return nil }
        let ordered = mostSignificantFirst ? Array(field) : field.reversed()
        return ordered.reduce(0) { $0 << 8 | Int($1) }
    }

    /// nil if it is not all there.
    func slice(at offset: Int, count: Int) -> ArraySlice<UInt8>? {
        guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else { return nil }
        let start = bytes.startIndex + offset
        return bytes[start..<start + count]
    }
}

extension [UInt8] {
    /// A number of `width` bytes, the most significant first unless said.
    static func number(_ value: Int, width: Int, mostSignificantFirst: Bool = true) -> [UInt8] {
        let ascending = (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        return mostSignificantFirst ? ascending.reversed() : ascending
    }
}
