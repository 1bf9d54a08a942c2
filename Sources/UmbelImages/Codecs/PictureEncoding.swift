internal import CUmbelImages

/// How a picture is written to a file.
package enum PictureEncoding: Hashable, Sendable {
    /// Without loss. `compression` 0…9 trades time for length.
    case png(compression: Int = 6)
    /// `quality` 1…100. What is transparent is laid on white.
    case jpeg(quality: Int)
    /// `quality` 0…100.
    case webp(quality: Int)
    /// Without loss, the colours of transparent pixels included.
    case webpLossless

    package var format: PictureFormat {
        switch self {
        case .png: .png
        case .jpeg: .jpeg
        case .webp, .webpLossless: .webp
        }
    }
}

extension Picture {
    /// A file of the picture with texts beside it: in a PNG under any keys, in the others only `parameters`.
    package func encoded(
        as encoding: PictureEncoding, text: [String: String] = [:]
    ) throws(PictureError) -> [UInt8] {
        let format = encoding.format
        guard max(width, height) <= format.longestSide else {
            throw .beyondFormat(format, width: width, height: height, side: format.longestSide)
        }
        // What the texts become may be refused: before the work.
        switch format {
        case .png:
            let chunks = try PNGText.chunks(text)
            return PNGChunks.insert(chunks, into: try pixelsEncoded(as: encoding))
        case .jpeg:
            let segment = try EXIFData.comment(text, in: .jpeg).map(JPEGSegments.application1)
            return JPEGSegments.insert(segment ?? [], into: try flattened().pixelsEncoded(as: encoding))
        case .webp:
            let comment = try EXIFData.comment(text, in: .webp)
            // The format has no grey.
            let picture = channels == 1 ? rgb : self
            let file = try picture.pixelsEncoded(as: encoding)
            return comment.map { WebPChunks.insert($0, into: file, of: picture) } ?? file
        }
    }

    private func pixelsEncoded(as encoding: PictureEncoding) throws(PictureError) -> [UInt8] {
        let size = umbel_image_size(width: UInt32(width), height: UInt32(height), channels: UInt32(channels))
        var file = umbel_image_file()
        var failure = umbel_image_failure()
        let status =
            switch encoding {
            case .png(let compression):
                umbel_png_encode(bytes, size, Int32(min(max(compression, 0), 9)), &file, &failure)
            case .jpeg(let quality):
                umbel_jpeg_encode(bytes, size, Int32(min(max(quality, 1), 100)), &file, &failure)
            case .webp(let quality):
                umbel_webp_encode(bytes, size, Float(min(max(quality, 0), 100)), 0, &file, &failure)
            // For lossless files the quality is the effort.
            case .webpLossless: umbel_webp_encode(bytes, size, 75, 1, &file, &failure)
            }
        defer { umbel_image_release(file) }
        guard status == UMBEL_IMAGE_DONE else { throw .notWritten(encoding.format, reason: failure.text) }
        return [UInt8](UnsafeBufferPointer(start: file.start, count: file.count))
    }
}
