/// A request as this client sends it.
package struct ClientRequest {
    package enum Body {
        case bytes([UInt8])
        case file(UploadFile)
    }

    package let method: String
    package let url: String
    package var headers: [(name: String, value: String)] = []
    package var body: Body?
    /// Bytes of the answer's body that are kept. What follows is not received.
    package var answerLimit = 1 << 20
    /// How long no byte may pass in either direction. The server's own work is such a time.
    package var stallSeconds = 120
    /// It may reach the server twice, the second time without anybody having asked for it: true of what changes nothing.
    /// A DELETE is idempotent (RFC 9110, 9.2.2), but its repetition is answered 404.
    package var mayRepeat: Bool
    /// Called with the bytes of each piece of the body that is taken for sending; negative when sending begins again.
    package var onSent: ((Int) -> Void)?
    /// Takes the body of a successful answer piece by piece, which is then not kept. False ends the transfer.
    package var onReceived: (([UInt8]) -> Bool)?

    package init(_ method: String, _ url: String) {
        self.method = method
        self.url = url
        mayRepeat = ["GET", "HEAD"].contains(method)
    }
}

/// A response as this client received it.
package struct ClientResponse: Sendable {
    package let status: Int
    /// In the order sent, names as sent.
    package let headers: [(name: String, value: String)]
    package let body: [UInt8]
    /// The body is only the beginning of what the server would have sent.
    package let isTruncated: Bool

    /// The first header of that name, in whatever case.
    package subscript(name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}
