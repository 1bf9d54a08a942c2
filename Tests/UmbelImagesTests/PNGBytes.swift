/// Just enough of PNG's framing to build damaged files, in the plainest form.
enum PNGBytes {
    struct Chunk {
        let kind: String
        let data: [UInt8]
    }

    /// CRC-32, a bit at a time.
    static func checksum(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var value: UInt32 = ~0
        for byte in bytes {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0xEDB8_8320 : value >> 1 }
        }
        return number(~value)
    }

    static func number(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    static func chunk(_ kind: String, _ data: [UInt8]) -> [UInt8] {
        let checked = Array(kind.utf8) + data
        return number(UInt32(data.count)) + checked + checksum(checked)
    }

    static func chunks(_ file: [UInt8]) -> [Chunk] {
        ranges(file).map { range in
            Chunk(kind: String(decoding: file[range].prefix(4), as: UTF8.self), data: Array(file[range].dropFirst(4)))
        }
    }

    /// The file with the checksum of every whole chunk made right.
    static func withChecksums(_ file: [UInt8]) -> [UInt8] {
        var file = file
        for range in ranges(file) {
            file.replaceSubrange(range.upperBound..<range.upperBound + 4, with: checksum(file[range]))
        }
        return file
    }

    /// Kind and data of each whole chunk.
    private static func ranges(_ file: [UInt8]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var offset = 8
        while offset + 12 <= file.count {
            let length = file[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
            guard offset + 12 + length <= file.count else { break }
            ranges.append(offset + 4..<offset + 8 + length)
            offset += 12 + length
        }
        return ranges
    }
}
