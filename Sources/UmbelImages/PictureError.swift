/// Why a picture cannot be read or written. Reasons are the library's words.
package enum PictureError: Error, Hashable, Sendable {
    /// The first bytes are of no format that is read.
    case unknownFormat
    /// Truncated or corrupt.
    case damaged(PictureFormat, reason: String)
    /// A valid file of a kind that is not read, such as an animation.
    case unsupported(PictureFormat, kind: String)
    /// Larger than the limits, of a file or of a picture that was to be drawn. Nothing of that size was allocated.
    case tooLarge(width: Int, height: Int, limits: PictureLimits)
    /// Sides beyond what the format can hold.
    case beyondFormat(PictureFormat, width: Int, height: Int, side: Int)
    /// A text beyond what the format can hold beside a picture, in bytes as it would be written.
    case textTooLong(PictureFormat, bytes: Int, limit: Int)
    /// A key that the format cannot have: PNG takes 1 to 79 Latin-1 characters, the others only `parameters`.
    case textKey(PictureFormat, key: String)
    /// The library could not write the picture.
    case notWritten(PictureFormat, reason: String)
}
