/// The segments before the pixels of a JPEG file (ITU-T T.81, annex B): 0xFF, a marker, a length that counts itself,
/// data.
struct JPEGSegments {
    private let reader: ByteReader

    static let exifBeginning = Array("Exif\0\0".utf8)
    /// Bytes of EXIF data that a segment's length of two bytes leaves room for.
    static let longestEXIF = 0xFFFF - 2 - 6

    private enum Marker {
        static let scan = 0xDA
        static let application0 = 0xE0
        static let application1 = 0xE1
        /// They have no length, and none of them comes before a scan in a whole file.
        static let bare = [0x00, 0x01, 0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xFF]
    }

    init(_ bytes: [UInt8]) {
        reader = ByteReader(bytes: bytes[...])
    }

    /// Of the first segment with EXIF data.
    var metadata: Metadata {
        var offset = 2
        while let (marker, data, end) = segment(at: offset) {
            if marker == Marker.application1, data.starts(with: Self.exifBeginning) {
                return Metadata(EXIFData(data.dropFirst(6)))
            }
            offset = end
        }
        return Metadata()
    }

    /// nil where the scans begin, or no segment does.
    private func segment(at start: Int) -> (marker: Int, data: ArraySlice<UInt8>, end: Int)? {
        var offset = start
        // Any number of 0xFF may stand before a marker.
        while reader.number(at: offset, width: 2) == 0xFFFF { offset += 1 }
        guard reader.number(at: offset, width: 1) == 0xFF,
            let marker = reader.number(at: offset + 1, width: 1), marker != Marker.scan,
            !Marker.bare.contains(marker),
            let length = reader.number(at: offset + 2, width: 2), length >= 2,
            let data = reader.slice(at: offset + 4, count: length - 2)
        else { return nil }
        return (marker, data, offset + 2 + length)
    }

    static func application1(_ exif: [UInt8]) -> [UInt8] {
        [0xFF, UInt8(Marker.application1)] + .number(2 + exifBeginning.count + exif.count, width: 2) + exifBeginning
            + exif
    }

    /// A segment put at the beginning of a file that a library has written, behind its JFIF segment.
    static func insert(_ segment: [UInt8], into file: [UInt8]) -> [UInt8] {
        let first = JPEGSegments(file).segment(at: 2)
        let place = first.map { $0.marker == Marker.application0 ? $0.end : 2 } ?? 2
        return file[..<place] + segment + file[place...]
    }
}
