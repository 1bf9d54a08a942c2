package import UmbelPOSIX

/// Why a call of a server came to nothing.
package enum ClientError: Error, Hashable, Sendable {
    /// The server's address cannot be used.
    case address(String, AddressFault)
    /// A header's value holds what no header may, such as a line break.
    case header(name: String)
    /// A file that was to be sent cannot be read.
    case file(SystemError)
    /// A file that was to be sent became shorter meanwhile.
    case fileChanged(path: String)
    /// No connection: the name has no address, or nobody listens there. libcurl's words.
    case unreachable(message: String)
    /// No connection within that time.
    case connectTimeout(seconds: Int)
    /// No byte in either direction for that time.
    case stalled(seconds: Int)
    /// The encryption could not be agreed upon, or the server is not who it should be. libcurl's words.
    case insecure(message: String)
    /// The connection ended before the answer did; what the server has done is not known. libcurl's code and words.
    case brokenOff(code: Int, message: String)
    /// libcurl refused an option or could not start.
    case library(code: Int, message: String)
    /// The server answered with another status than success.
    case refused(ServerRefusal)
    /// A successful answer is longer than it may be, in bytes.
    case answerTooLarge(limit: Int)
    /// A successful answer is not what this call is answered with: its beginning.
    case unexpectedAnswer(status: Int, beginning: String)
    /// A list gives a page that it has given before.
    case endlessList(cursor: String)
}

/// Why a text is no address of a server.
package enum AddressFault: Hashable, Sendable {
    /// Nothing like `http://` in front.
    case noScheme
    case unknownScheme(String)
    /// A name or password, which would be visible to other users of the machine.
    case holdsCredentials
    /// A query or fragment.
    case holdsQuery
    /// libcurl's words.
    case unreadable(message: String)
}
