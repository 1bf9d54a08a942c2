internal import CUmbelImages

/// The text chunks of a PNG file (specification, 11.3.4).
///
/// | kind | key | text |
/// |---|---|---|
/// | `tEXt` | Latin-1, 0 | Latin-1 |
/// | `zTXt` | Latin-1, 0 | method 0, Latin-1 compressed |
/// | `iTXt` | Latin-1, 0 | compressed?, method, language, 0, translated key, 0, UTF-8, perhaps compressed |
///
/// What Latin-1 can hold is written as `tEXt`, anything else as `iTXt`, as Pillow and so the web UIs do.
struct PNGText {
    /// Bytes that the compressed texts of a file may still become: some hundred bytes can stand for gigabytes. After
    /// one that is longer or damaged no further one is read.
    private var inflationLeft = 4 << 20
    /// What each of them counts for besides its length, so that there cannot be a million empty ones.
    private static let inflationCost = 4096

    /// The key and the text of one chunk; nil for other kinds and damaged ones.
    mutating func read(kind: ArraySlice<UInt8>, _ data: ArraySlice<UInt8>) -> (key: String, value: String)? {
        guard let end = data.firstIndex(of: 0) else { return nil }
        let key = Self.latin1(data[..<end])
        let rest = data[(end + 1)...]
        switch String(decoding: kind, as: UTF8.self) {
        case "tEXt": return (key, Self.latin1(rest))
        case "zTXt": return inflated(rest.dropFirst()).map { (key, Self.latin1($0[...])) }
        case "iTXt": return international(rest).map { (key, $0) }
        default: return nil
        }
    }

    private mutating func international(_ data: ArraySlice<UInt8>) -> String? {
        guard let compressed = data.first else { return nil }
        let parts = data.dropFirst(2).split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        guard let text = compressed == 1 ? inflated(parts[2]) : Array(parts[2]) else { return nil }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func inflated(_ compressed: ArraySlice<UInt8>) -> [UInt8]? {
        let room = inflationLeft
        guard room > 0 else { return nil }
        var length = -1
        let text = [UInt8](unsafeUninitializedCapacity: room) { text, count in
            length = compressed.withUnsafeBufferPointer {
                umbel_image_inflate($0.baseAddress, $0.count, text.baseAddress, room)
            }
            count = max(0, length)
        }
        inflationLeft = length < 0 ? 0 : inflationLeft - length - Self.inflationCost
        return length < 0 ? nil : text
    }

    private static func latin1(_ bytes: some Sequence<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    /// Chunks of the texts, in order of their keys. A zero, which ends a text, is written as U+FFFD.
    static func chunks(_ text: [String: String]) throws(PictureError) -> [UInt8] {
        var chunks: [UInt8] = []
        for (key, value) in text.sorted(by: { $0.key < $1.key }) {
            chunks += chunk(try checked(key), value.replacingZeros)
        }
        return chunks
    }

    private static func chunk(_ key: [UInt8], _ value: String) -> [UInt8] {
        if let text = latin1Bytes(value) { return PNGChunks.chunk("tEXt", key + [0] + text) }
        return PNGChunks.chunk("iTXt", key + [0, 0, 0, 0, 0] + value.utf8)
    }

    /// 1 to 79 printable characters of Latin-1 without spaces at its ends or two in a row.
    private static func checked(_ key: String) throws(PictureError) -> [UInt8] {
        let words = key.split(separator: " ", omittingEmptySubsequences: false)
        guard let bytes = latin1Bytes(key), (1...79).contains(bytes.count), words.allSatisfy({ !$0.isEmpty }),
            bytes.allSatisfy({ (0x20...0x7E).contains($0) || $0 > 0xA0 })
        else { throw .textKey(.png, key: key) }
        return bytes
    }

    private static func latin1Bytes(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            guard let byte = UInt8(exactly: scalar.value) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}

extension String {
    /// Zeros, which end texts in files, made into the character that stands for what cannot be shown.
    var replacingZeros: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0 == "\0" ? "\u{FFFD}" : $0 }))
    }
}
