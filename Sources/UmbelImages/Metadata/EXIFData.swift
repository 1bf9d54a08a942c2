/// EXIF data (CIPA DC-008): a TIFF structure, of which the orientation and the user's comment are read.
///
///     "MM" or "II" (byte order) · 42 · where the first directory is
///     directory: number of entries · entries of 12 bytes (tag 2, type 2, count 4, value or where it is 4) · next
///
/// The comment is where the web UIs keep the generation parameters of JPEG and WebP files: in the directory that the
/// first one's entry 0x8769 points to, as UTF-16 behind `UNICODE` and a zero, the most significant byte first.
struct EXIFData {
    private let reader: ByteReader
    private let first: Int

    private static let orientationTag = 0x0112
    private static let exifDirectoryTag = 0x8769
    private static let commentTag = 0x9286
    private static let unicode = Array("UNICODE\0".utf8)
    private static let ascii = Array("ASCII\0\0\0".utf8)

    /// nil for what has no such structure. Some writers put the beginning of a JPEG segment before it everywhere.
    init?(_ bytes: ArraySlice<UInt8>) {
        let bytes = bytes.starts(with: JPEGSegments.exifBeginning) ? bytes.dropFirst(6) : bytes
        var reader = ByteReader(bytes: bytes)
        if bytes.starts(with: Array("II".utf8)) {
            reader.mostSignificantFirst = false
        } else if !bytes.starts(with: Array("MM".utf8)) {
            return nil
        }
        guard reader.number(at: 2, width: 2) == 42, let first = reader.number(at: 4, width: 4) else { return nil }
        self.reader = reader
        self.first = first
    }

    var orientation: Int? {
        entry(Self.orientationTag, in: first).flatMap { reader.number(at: $0 + 8, width: 2) }
    }

    var comment: String? {
        guard let pointer = entry(Self.exifDirectoryTag, in: first),
            let directory = reader.number(at: pointer + 8, width: 4),
            let entry = entry(Self.commentTag, in: directory),
            let count = reader.number(at: entry + 4, width: 4), count > 4,
            let start = reader.number(at: entry + 8, width: 4),
            let bytes = reader.slice(at: start, count: count)
        else { return nil }
        if bytes.starts(with: Self.unicode) { return utf16(bytes.dropFirst(8)) }
        // Without one of the standard's codes the web UIs take it for UTF-8, which ASCII is too.
        let text = bytes.starts(with: Self.ascii) ? bytes.dropFirst(8) : bytes
        return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Where the directory's entry of that tag begins.
    private func entry(_ tag: Int, in directory: Int) -> Int? {
        guard let count = reader.number(at: directory, width: 2) else { return nil }
        return (0..<count).lazy.map { directory + 2 + 12 * $0 }.first { reader.number(at: $0, width: 2) == tag }
    }

    /// The standard does not say which byte order the comment has. The web UIs write the most significant byte first;
    /// some others follow the structure's order. Most characters of most texts are below U+0100, so there the half of
    /// the bytes that has more zeros is the upper one.
    private func utf16(_ bytes: ArraySlice<UInt8>) -> String {
        let units = stride(from: bytes.startIndex, to: bytes.endIndex - 1, by: 2).map { (bytes[$0], bytes[$0 + 1]) }
        let swapped = !reader.mostSignificantFirst && units.count { $0.1 == 0 } > units.count { $0.0 == 0 }
        let ordered = units.map { swapped ? UInt16($0.1) << 8 | UInt16($0.0) : UInt16($0.0) << 8 | UInt16($0.1) }
        let marked = ordered.first == 0xFEFF ? ordered.dropFirst() : ordered[...]
        return String(decoding: marked.prefix { $0 != 0 }, as: UTF16.self)
    }

    /// EXIF data of nothing but the text under `parameters`; nil if there is none.
    static func comment(_ text: [String: String], in format: PictureFormat) throws(PictureError) -> [UInt8]? {
        if let key = text.keys.sorted().first(where: { $0 != PictureFile.parametersKey }) {
            throw .textKey(format, key: key)
        }
        guard let comment = text[PictureFile.parametersKey] else { return nil }
        let value = unicode + comment.replacingZeros.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
        let header = Array("MM".utf8) + [0, 42] + pointer(8)
        let first = directory(exifDirectoryTag, type: 4, count: 1, value: 26)
        let data = header + first + directory(commentTag, type: 7, count: value.count, value: 44) + value
        let limit = format == .jpeg ? JPEGSegments.longestEXIF : Int(Int32.max)
        guard data.count <= limit else { throw .textTooLong(format, bytes: data.count, limit: limit) }
        return data
    }

    /// A directory of one entry, 18 bytes.
    private static func directory(_ tag: Int, type: Int, count: Int, value: Int) -> [UInt8] {
        let entry: [UInt8] = .number(tag, width: 2) + .number(type, width: 2) + pointer(count) + pointer(value)
        return .number(1, width: 2) + entry + pointer(0)
    }

    private static func pointer(_ value: Int) -> [UInt8] { .number(value, width: 4) }
}
