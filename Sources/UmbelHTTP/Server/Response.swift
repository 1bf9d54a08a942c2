package import HTTPTypes
package import UmbelPOSIX

/// Answers a request. Runs on a worker thread and may block; it never throws, since every error has a response.
package typealias Handler = @Sendable (Request) -> Response

/// Takes the next bytes of a body; blocks until the client has taken them.
package typealias ByteSink = (BytePiece) throws -> Void

/// Gives bytes that are in memory to a sink.
func give(_ bytes: ArraySlice<UInt8>, to sink: ByteSink) throws {
    try bytes.withUnsafeBytes { try sink(.memory($0)) }
}

/// What a handler answers.
///
/// Framing and connection headers (`Content-Length`, `Transfer-Encoding`, `Connection`) follow from the body and are
/// not the handler's to set, but for the `Content-Length` of an answer to HEAD without a body.
package struct Response: Sendable {
    package var status: HTTPResponse.Status
    package var headers: HTTPFields
    package var body: ResponseBody
    /// The connection ends after this response.
    package var closesConnection = false
    /// Called once, when the last byte is sent or it is known that it will not be. On the worker's thread: no long work.
    package var onEnd: (@Sendable (ResponseEnding) -> Void)?

    package init(_ status: HTTPResponse.Status, headers: HTTPFields = [:], body: ResponseBody = .none) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A body in memory with its type.
    package init(_ status: HTTPResponse.Status, contentType: String, _ text: String) {
        self.init(status, headers: [.contentType: contentType], body: .bytes(Array(text.utf8)))
    }
}

/// How the sending of a response ended.
package enum ResponseEnding: Sendable {
    case complete
    /// The client went away or took nothing more.
    case clientGone
    /// The body could not be produced.
    case failed
}

/// The bytes of a response.
package enum ResponseBody: Sendable {
    case none
    case bytes([UInt8])
    /// A part of something longer, produced while it is sent.
    case source(any ByteSource, Range<Int>)
    /// Several parts as `multipart/byteranges`.
    case multipart(MultipartByteRanges)
    /// As many bytes as the closure gives to its sink; each call is sent at once. An error it throws aborts the
    /// connection; one that the sink throws means that the client is gone, and is for passing on.
    case stream(@Sendable (_ sink: ByteSink) throws -> Void)

    /// Gives all bytes to `sink`, for whoever wants the body and no connection.
    package func produce(to sink: ByteSink) throws {
        switch self {
        case .none: break
        case .bytes(let bytes): try give(bytes[...], to: sink)
        case .source(let source, let range): try source.write(range, to: sink)
        case .multipart(let parts): try parts.write(to: sink)
        case .stream(let produce): try produce(sink)
        }
    }

    /// In bytes; nil for a stream.
    package var count: Int? {
        switch self {
        case .none: 0
        case .bytes(let bytes): bytes.count
        case .source(_, let range): range.count
        case .multipart(let parts): parts.count
        case .stream: nil
        }
    }
}
