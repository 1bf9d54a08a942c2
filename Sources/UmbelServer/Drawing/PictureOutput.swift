internal import UmbelEngine
internal import UmbelImages
internal import UmbelModels

/// How pictures leave the service.
struct PictureOutput: Sendable {
    var format = PictureFormat.png
    /// 1 to 100 for JPEG and WebP.
    var quality = 90

    private var encoding: PictureEncoding {
        switch format {
        case .png: .png()
        case .jpeg: .jpeg(quality: quality)
        case .webp: .webp(quality: quality)
        }
    }

    /// A file of a picture of a job, with what it was made of as text.
    func file(_ item: DrawingStatus.Picture, of job: DrawingJob) throws -> [UInt8] {
        let text = GenerationText.parameters(item, of: job).text
        return try Picture(item.picture).encoded(as: encoding, text: [PictureFile.parametersKey: text])
    }

    /// The longest side of a preview, in pixels.
    private static let previewSide = 256

    /// A small PNG in base64; nil for one that cannot be written.
    static func preview(_ drawn: DrawnPicture) -> String? {
        var picture = Picture(drawn)
        let longest = max(picture.width, picture.height)
        if longest > previewSide {
            picture = picture.resized(
                width: max(1, picture.width * previewSide / longest),
                height: max(1, picture.height * previewSide / longest))
        }
        // A stream of events is not ended for want of one preview.
        return (try? picture.encoded(as: .png(compression: 1))).map(Base64.text)
    }
}

extension Picture {
    init(_ drawn: DrawnPicture) {
        self.init(width: drawn.width, height: drawn.height, channels: 3, bytes: drawn.pixels)
    }
}
