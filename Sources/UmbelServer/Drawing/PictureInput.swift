internal import UmbelImages
internal import UmbelModels

/// Pictures that come with a request: what is begun from, and where is drawn.
enum PictureInput {
    /// Bytes of a request with pictures.
    static let bodyLimit = 64 << 20

    /// How a mask says where is drawn.
    enum MaskKind {
        /// By what is transparent, as OpenAI's clients have it; one without opacity by what is white.
        case transparent
        /// By what is white.
        case white
    }

    /// - Parameter name: of the field, for errors.
    static func picture(_ bytes: [UInt8], _ name: String) throws -> Picture {
        do throws(PictureError) {
            return try PictureFile(decoding: bytes).picture
        } catch {
            throw PictureInputError(field: name, error)
        }
    }

    /// A size whose sides are multiples of 8, next to the picture's own.
    static func size(of picture: Picture) -> (width: Int, height: Int) {
        func side(_ pixels: Int) -> Int {
            min(max((pixels + 4) / 8 * 8, DrawingFields.Limits.side.lowerBound), DrawingFields.Limits.side.upperBound)
        }
        return (side(picture.width), side(picture.height))
    }

    static func start(
        _ picture: Picture, strength: Double, mask: Picture?, _ kind: MaskKind, width: Int, height: Int
    ) -> DrawingRequest.Start {
        let pixels = picture.flattened().rgb.resized(to: width, height)
        return .init(pixels: pixels.bytes, strength: strength, mask: mask.map { area($0, kind, width, height) })
    }

    /// 255 where is drawn.
    private static func area(_ mask: Picture, _ kind: MaskKind, _ width: Int, _ height: Int) -> [UInt8] {
        let isByOpacity = kind == .transparent && mask.channels == 4
        let area = (isByOpacity ? mask.opacity : mask.grey).resized(to: width, height).mask.bytes
        return isByOpacity ? area.map { 255 - $0 } : area
    }
}

/// A picture of a request that cannot be read.
struct PictureInputError: Error {
    let field: String
    let error: PictureError

    init(field: String, _ error: PictureError) {
        (self.field, self.error) = (field, error)
    }
}

extension Picture {
    fileprivate func resized(to width: Int, _ height: Int) -> Picture {
        self.width == width && self.height == height ? self : resized(width: width, height: height)
    }
}
