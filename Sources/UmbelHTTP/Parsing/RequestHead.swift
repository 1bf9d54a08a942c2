package import HTTPTypes

package enum HTTPVersion: Sendable, Equatable {
    case http1_0, http1_1
}

/// Where a request's body ends (RFC 9112, 6.3).
package enum BodyFraming: Sendable, Equatable {
    case none
    case length(Int)
    case chunked
}

/// All that stands before a request's body, checked.
package struct RequestHead: Sendable, Equatable {
    package let method: HTTPRequest.Method
    /// As sent.
    package let target: String
    package let location: RequestTarget
    package let version: HTTPVersion
    package let headers: HTTPFields
    package let framing: BodyFraming
    /// The client will wait for `100 Continue` before it sends the body.
    package let expectsContinue: Bool
    /// The client wants to send more requests on this connection (RFC 9112, 9.3).
    package let keepsAlive: Bool
}
