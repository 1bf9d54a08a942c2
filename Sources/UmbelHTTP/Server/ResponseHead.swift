internal import HTTPTypes

/// A response's status line and headers as bytes, with the framing that goes with its body (RFC 9112, 4 and 6).
struct ResponseHead {
    enum Framing: Equatable {
        /// No body follows: HEAD, 1xx, 204, 304.
        case none
        case counted(Int)
        case chunked
        /// For a stream to a 1.0 client.
        case untilClose
    }

    let bytes: [UInt8]
    let framing: Framing

    var endsConnection: Bool { framing == .untilClose }

    /// - Parameter request: nil when it was refused before it could be understood.
    init(_ response: Response, for request: RequestHead?, keepsAlive: Bool) {
        let version = request?.version ?? .http1_1
        var headers = response.headers
        let handlerLength = headers[.contentLength]
        headers[.connection] = nil
        headers[.transferEncoding] = nil
        headers[.contentLength] = nil

        let code = response.status.code
        let isHead = request?.method == .head
        switch response.body.count {
        case _ where code < 200 || code == 204 || code == 304: framing = .none
        case let count?:
            framing = isHead ? .none : .counted(count)
            if case .none = response.body, isHead, let handlerLength {
                headers[.contentLength] = handlerLength
            } else {
                headers[.contentLength] = String(count)
            }
        case nil where isHead: framing = .none
        case nil where version == .http1_1:
            framing = .chunked
            headers[.transferEncoding] = "chunked"
        case nil: framing = .untilClose
        }

        if !keepsAlive || framing == .untilClose {
            headers[.connection] = "close"
        } else if version == .http1_0 {
            headers[.connection] = "keep-alive"
        }
        if headers[.date] == nil { headers[.date] = HTTPDate.now }
        if headers[.server] == nil { headers[.server] = "umbel" }

        var text = "HTTP/1.1 \(code) \(response.status.reasonPhrase)\r\n"
        for field in headers { text += "\(field.name.rawName): \(field.value)\r\n" }
        text += "\r\n"
        bytes = Array(text.utf8)
    }
}
