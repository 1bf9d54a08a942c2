internal import CUmbelImages

/// One format's way from bytes to pixels, in two steps, so that limits are checked in between.
struct PictureDecoder {
    private let format: PictureFormat

    init(_ format: PictureFormat) {
        self.format = format
    }

    func decode(_ bytes: [UInt8], _ limits: PictureLimits) throws(PictureError) -> Picture {
        let size = try measure(bytes)
        try limits.check(width: Int(size.width), height: Int(size.height))
        // libwebp is content when the pixels are there, whatever is missing behind them.
        if format == .webp, !WebPChunks(bytes).isWhole { throw .damaged(format, reason: "ends too early") }
        return try decode(bytes, size)
    }

    private func measure(_ bytes: [UInt8]) throws(PictureError) -> umbel_image_size {
        var size = umbel_image_size()
        var failure = umbel_image_failure()
        let status =
            switch format {
            case .png: umbel_png_measure(bytes, bytes.count, &size, &failure)
            case .jpeg: umbel_jpeg_measure(bytes, bytes.count, &size, &failure)
            case .webp: umbel_webp_measure(bytes, bytes.count, &size, &failure)
            }
        try check(status, failure)
        // No library lets such a file through; a picture cannot be made of one.
        guard size.width > 0, size.height > 0 else { throw .damaged(format, reason: "no pixels") }
        return size
    }

    /// `size` is what `measure` said of the same bytes.
    private func decode(_ bytes: [UInt8], _ size: umbel_image_size) throws(PictureError) -> Picture {
        let (width, height, channels) = (Int(size.width), Int(size.height), Int(size.channels))
        var failure = umbel_image_failure()
        var status = UMBEL_IMAGE_FAILED
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * channels) { pixels, count in
            status = decode(bytes, size, pixels.baseAddress, &failure)
            count = status == UMBEL_IMAGE_DONE ? width * height * channels : 0
        }
        try check(status, failure)
        return Picture(width: width, height: height, channels: channels, bytes: pixels)
    }

    private func decode(
        _ bytes: [UInt8], _ size: umbel_image_size, _ pixels: UnsafeMutablePointer<UInt8>?,
        _ failure: inout umbel_image_failure
    ) -> umbel_image_status {
        switch format {
        case .png: umbel_png_decode(bytes, bytes.count, size, pixels, &failure)
        case .jpeg: umbel_jpeg_decode(bytes, bytes.count, size, pixels, &failure)
        case .webp: umbel_webp_decode(bytes, bytes.count, size, pixels, &failure)
        }
    }

    private func check(_ status: umbel_image_status, _ failure: umbel_image_failure) throws(PictureError) {
        switch status {
        case UMBEL_IMAGE_DONE: return
        case UMBEL_IMAGE_UNSUPPORTED: throw .unsupported(format, kind: failure.text)
        default: throw .damaged(format, reason: failure.text)
        }
    }
}

extension umbel_image_failure {
    /// The message, which C ends with a zero.
    var text: String {
        withUnsafeBytes(of: message) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
