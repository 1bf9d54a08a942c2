/// Why a request's body could not be read.
package enum BodyError: Error, Equatable, Sendable {
    /// It is, or says it will be, longer than the limit in bytes.
    case tooLarge(limit: Int)
    /// Its chunks are not what RFC 9112, 7.1 says.
    case malformed(String)
    /// It stopped arriving.
    case stalled
    /// The client closed the connection in the middle, or the request is over.
    case disconnected
}
