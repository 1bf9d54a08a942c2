/// A file's picture, and the texts that came with it.
package struct PictureFile: Sendable {
    package let format: PictureFormat
    package let picture: Picture
    /// Of a PNG its text chunks by key; of the others the comment of its EXIF data as `parameters`, which is where the
    /// Stable Diffusion web UIs keep the generation parameters.
    package let text: [String: String]

    /// The key under which generation parameters are kept.
    package static let parametersKey = "parameters"

    /// A PNG, JPEG or WebP file in memory, told by its first bytes. Pictures of cameras are turned upright.
    package init(decoding bytes: [UInt8], limits: PictureLimits = .standard) throws(PictureError) {
        let (format, metadata) = try Self.metadata(of: bytes)
        self.format = format
        picture = try PictureDecoder(format).decode(bytes, limits).upright(from: metadata.orientation)
        text = metadata.text
    }

    /// Only the texts: nothing is decoded, so a file whose pixels are damaged has them too.
    package static func text(of bytes: [UInt8]) throws(PictureError) -> [String: String] {
        try metadata(of: bytes).1.text
    }

    private static func metadata(of bytes: [UInt8]) throws(PictureError) -> (PictureFormat, Metadata) {
        switch PictureFormat.of(bytes) {
        case .png: (.png, PNGChunks(bytes).metadata)
        case .jpeg: (.jpeg, JPEGSegments(bytes).metadata)
        case .webp: (.webp, WebPChunks(bytes).metadata)
        case nil: throw .unknownFormat
        }
    }
}
