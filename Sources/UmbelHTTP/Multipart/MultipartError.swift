/// Why a body could not be read as `multipart/form-data`.
package enum MultipartError: Error, Equatable, Sendable {
    case notMultipart(contentType: String)
    /// Missing, longer than 70 characters, or with characters that RFC 2046, 5.1.1 does not allow.
    case badBoundary
    case tooManyParts(limit: Int)
    case partHeadersTooLarge(limit: Int)
    /// A part's headers, or what follows a boundary, are not what they should be.
    case malformed(String)
    /// The body ended before the closing boundary.
    case truncated
    case body(BodyError)
}
