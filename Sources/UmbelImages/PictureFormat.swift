/// The formats of files that are read and written.
package enum PictureFormat: String, Hashable, Sendable, CaseIterable {
    case png
    case jpeg
    case webp

    /// By its first bytes; nil for anything else, whatever the file is called.
    package static func of(_ bytes: some Collection<UInt8>) -> PictureFormat? {
        func begins(_ beginning: [UInt8], at offset: Int = 0) -> Bool {
            bytes.dropFirst(offset).starts(with: beginning)
        }
        if begins([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return .png }
        if begins([0xFF, 0xD8, 0xFF]) { return .jpeg }
        if begins(Array("RIFF".utf8)), begins(Array("WEBP".utf8), at: 8) { return .webp }
        return nil
    }

    /// What HTTP calls it.
    package var mediaType: String { "image/\(rawValue)" }

    /// The longest side that a file can have, in pixels.
    var longestSide: Int {
        switch self {
        case .png: Int(Int32.max)
        case .jpeg: 65_500
        case .webp: 16_383
        }
    }
}
