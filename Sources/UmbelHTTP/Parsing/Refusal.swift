package import HTTPTypes

/// Why the wire floor answered a request itself, without asking the handler. The connection is closed afterwards.
package enum Refusal: Error, Equatable, Sendable {
    /// The request line is not `method SP target SP version`, or its target is no valid one.
    case malformedRequestLine(String)
    case malformedHeader(String)
    /// `Content-Length` and `Transfer-Encoding` do not say clearly where the body ends (RFC 9112, 6.3).
    case ambiguousFraming(String)
    case missingHost
    case requestLineTooLong(limit: Int)
    case headersTooLarge(limit: Int)
    case tooManyHeaders(limit: Int)
    case unknownTransferCoding(String)
    case unsupportedMethod(String)
    case unsupportedVersion(String)
    case unknownExpectation(String)
    /// The head did not arrive in time.
    case headTimeout
    /// Every worker is taken and the queue before them is full.
    case overloaded
    /// There are as many connections as there may be.
    case tooManyConnections(limit: Int)

    package var status: HTTPResponse.Status {
        switch self {
        case .malformedRequestLine, .malformedHeader, .ambiguousFraming, .missingHost: .badRequest
        case .requestLineTooLong: .uriTooLong
        case .headersTooLarge, .tooManyHeaders: .requestHeaderFieldsTooLarge
        case .unknownTransferCoding, .unsupportedMethod: .notImplemented
        case .unsupportedVersion: .httpVersionNotSupported
        case .unknownExpectation: .expectationFailed
        case .headTimeout: .requestTimeout
        case .overloaded, .tooManyConnections: .serviceUnavailable
        }
    }
}
