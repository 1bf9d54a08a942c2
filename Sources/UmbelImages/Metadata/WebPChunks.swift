/// The chunks of a WebP file (RFC 9649): `RIFF`, a length, `WEBP`; then kind, length and data of each, padded to even
/// length, the least significant byte first.
struct WebPChunks {
    private let reader: ByteReader

    private enum Flag {
        static let opacity: UInt8 = 0x10
        static let exif: UInt8 = 0x08
    }

    init(_ bytes: [UInt8]) {
        reader = ByteReader(bytes: bytes[...], mostSignificantFirst: false)
    }

    /// Whether the file is as long as it says.
    var isWhole: Bool { reader.number(at: 4, width: 4).map { $0 <= reader.count - 8 } ?? false }

    var metadata: Metadata {
        var offset = 12
        while let (kind, data, end) = chunk(at: offset) {
            if kind == "EXIF" { return Metadata(EXIFData(data)) }
            offset = end
        }
        return Metadata()
    }

    private func chunk(at offset: Int) -> (kind: String, data: ArraySlice<UInt8>, end: Int)? {
        guard let kind = reader.slice(at: offset, count: 4),
            let length = reader.number(at: offset + 4, width: 4),
            let data = reader.slice(at: offset + 8, count: length)
        else { return nil }
        return (String(decoding: kind, as: UTF8.self), data, offset + 8 + length + length % 2)
    }

    /// EXIF data added to a file that a library has written of that picture, which becomes one of the extended form.
    static func insert(_ exif: [UInt8], into file: [UInt8], of picture: Picture) -> [UInt8] {
        let chunks = WebPChunks(file)
        let first = chunks.chunk(at: 12)
        var extended: [UInt8]
        var place = 12
        if let first, first.kind == "VP8X" {
            extended = Array(first.data)
            place = first.end
        } else {
            extended =
                [first.map(opacity) ?? 0, 0, 0, 0] + littleEndian(picture.width - 1, width: 3)
                + littleEndian(picture.height - 1, width: 3)
        }
        extended[0] |= Flag.exif
        let content = "WEBP".utf8 + chunk("VP8X", extended) + file[place...] + chunk("EXIF", exif)
        return "RIFF".utf8 + littleEndian(content.count, width: 4) + content
    }

    /// Bit 28 behind the signature byte of a lossless picture says whether its opacity is used (section 3.3).
    private static func opacity(_ first: (kind: String, data: ArraySlice<UInt8>, end: Int)) -> UInt8 {
        guard first.kind == "VP8L",
            let header = ByteReader(bytes: first.data, mostSignificantFirst: false).number(at: 1, width: 4)
        else { return 0 }
        return header & (1 << 28) != 0 ? Flag.opacity : 0
    }

    private static func chunk(_ kind: String, _ data: [UInt8]) -> [UInt8] {
        kind.utf8 + littleEndian(data.count, width: 4) + data + [UInt8](repeating: 0, count: data.count % 2)
    }

    private static func littleEndian(_ value: Int, width: Int) -> [UInt8] {
        .number(value, width: width, mostSignificantFirst: false)
    }
}
