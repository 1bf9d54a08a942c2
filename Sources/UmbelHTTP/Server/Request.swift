package import HTTPTypes

/// A request, as a handler sees it.
package struct Request: Sendable {
    package let head: RequestHead
    package let body: RequestBody
    /// The peer's address in numeric form.
    package let remoteAddress: String
    /// When the last byte of the head had arrived. What has passed since when the handler begins, the request waited for a
    /// worker.
    package let arrival: ContinuousClock.Instant
    /// Has the client closed its side meanwhile? For who waits long before answering; asking costs a system call.
    package let isClientGone: @Sendable () -> Bool

    package init(
        head: RequestHead, body: RequestBody, remoteAddress: String, arrival: ContinuousClock.Instant = .now,
        isClientGone: @escaping @Sendable () -> Bool = { false }
    ) {
        self.head = head
        self.body = body
        self.remoteAddress = remoteAddress
        self.arrival = arrival
        self.isClientGone = isClientGone
    }

    /// A request for tests in process.
    ///
    /// - Throws: `Refusal` for a target that would be refused on the wire.
    package init(
        _ method: HTTPRequest.Method, _ target: String, headers: HTTPFields = [:], body: RequestBody = .memory([]),
        remoteAddress: String = "127.0.0.1", isClientGone: @escaping @Sendable () -> Bool = { false }
    ) throws(Refusal) {
        let framing: BodyFraming = body.declaredLength.map { $0 == 0 ? .none : .length($0) } ?? .chunked
        let head = RequestHead(
            method: method, target: target, location: try RequestTarget(target.utf8), version: .http1_1,
            headers: headers, framing: framing, expectsContinue: false, keepsAlive: true)
        self.init(head: head, body: body, remoteAddress: remoteAddress, isClientGone: isClientGone)
    }

    package var method: HTTPRequest.Method { head.method }
    /// As sent.
    package var target: String { head.target }
    /// Decoded segments between the slashes; see `RequestTarget.path`.
    package var path: [String] { head.location.path }
    package var hasTrailingSlash: Bool { head.location.hasTrailingSlash }
    /// Decoded parameters in the order sent.
    package var query: [(name: String, value: String)] { head.location.query }
    package var headers: HTTPFields { head.headers }
    package var version: HTTPVersion { head.version }
}
