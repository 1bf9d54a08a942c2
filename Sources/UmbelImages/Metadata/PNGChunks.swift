/// The chunks of a PNG file: length, kind, data, checksum (PNG specification, 5.3).
struct PNGChunks {
    private let reader: ByteReader

    private static let signatureLength = 8
    /// Length, kind and checksum.
    private static let frameLength = 12

    init(_ bytes: [UInt8]) {
        reader = ByteReader(bytes: bytes[...])
    }

    /// The texts, and the orientation that EXIF data give. Chunks whose checksum is wrong are skipped, as decoders do;
    /// of several texts with one key the last one counts.
    var metadata: Metadata {
        var metadata = Metadata()
        var text = PNGText()
        forEach { kind, data in
            if kind.elementsEqual("eXIf".utf8) {
                metadata.orientation = EXIFData(data)?.orientation ?? 1
            } else if let (key, value) = text.read(kind: kind, data) {
                metadata.text[key] = value
            }
        }
        return metadata
    }

    /// Calls `body` with each whole chunk's kind and data, until the end or the first that is not whole.
    private func forEach(_ body: (_ kind: ArraySlice<UInt8>, _ data: ArraySlice<UInt8>) -> Void) {
        var offset = Self.signatureLength
        while let length = reader.number(at: offset, width: 4),
            let checked = reader.slice(at: offset + 4, count: 4 + length),
            let checksum = reader.number(at: offset + 8 + length, width: 4)
        {
            let kind = checked.prefix(4)
            // Pixels make up most of a file, and their checksums are the decoder's to check.
            if !kind.elementsEqual("IDAT".utf8), Checksum.crc32(checked) == checksum {
                body(kind, checked.dropFirst(4))
            }
            offset += Self.frameLength + length
        }
    }

    /// Chunks put behind the header of a file that a library has written.
    static func insert(_ chunks: [UInt8], into file: [UInt8]) -> [UInt8] {
        let headerEnd = signatureLength + frameLength + 13
        return file[..<headerEnd] + chunks + file[headerEnd...]
    }

    static func chunk(_ kind: String, _ data: [UInt8]) -> [UInt8] {
        let checked = Array(kind.utf8) + data
        return .number(data.count, width: 4) + checked + .number(Checksum.crc32(checked[...]), width: 4)
    }
}
