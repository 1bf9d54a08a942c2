/// Why a call of a server came to nothing.
package enum ClientError: Error, Hashable, Sendable {
    /// libcurl could not carry the request out: its code and its words.
    case transfer(code: Int, message: String)
}
