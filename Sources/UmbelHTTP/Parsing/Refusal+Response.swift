internal import HTTPTypes

extension Response {
    /// The wire floor's own answer to what it refused, as `application/problem+json` (RFC 9457).
    package init(refusing refusal: Refusal) {
        self.init(problem: refusal.status, detail: refusal.detail)
        if refusal.status == .serviceUnavailable { headers[.retryAfter] = "1" }
        closesConnection = true
    }

    /// An answer to a body that could not be read, for handlers without a better one: 413, 400 or 408.
    package init(refusing error: BodyError) {
        switch error {
        case .tooLarge(let limit):
            self.init(problem: .contentTooLarge, detail: "the body is longer than \(limit) bytes")
        case .malformed(let reason): self.init(problem: .badRequest, detail: "the body is malformed: \(reason)")
        case .stalled: self.init(problem: .requestTimeout, detail: "the body stopped arriving")
        case .disconnected: self.init(problem: .badRequest, detail: "the body ended early")
        }
        closesConnection = true
    }

    private init(problem status: HTTPResponse.Status, detail: String) {
        let text = """
            {"type":"about:blank","title":"\(status.reasonPhrase)","status":\(status.code),\
            "detail":"\(Self.escaped(detail))"}

            """
        self.init(status, contentType: "application/problem+json", text)
    }

    /// For a JSON string. Details quote what clients send.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": escaped += "\\\(scalar)"
            case _ where scalar.value < 0x20: escaped += " "
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

extension Refusal {
    package var detail: String {
        switch self {
        case .malformedRequestLine(let rule): "malformed request line: \(rule)"
        case .malformedHeader(let rule): "malformed header: \(rule)"
        case .ambiguousFraming(let reason): "the body's length is not clear: \(reason)"
        case .missingHost: "HTTP/1.1 requests have a Host header"
        case .requestLineTooLong(let limit): "the request line is longer than \(limit) bytes"
        case .headersTooLarge(let limit): "the headers are longer than \(limit) bytes"
        case .tooManyHeaders(let limit): "there are more than \(limit) headers"
        case .unknownTransferCoding(let name): "unknown transfer coding \(name)"
        case .unsupportedMethod(let name): "\(name) is not supported"
        case .unsupportedVersion(let version): "\(version) is not supported"
        case .unknownExpectation(let name): "unknown expectation \(name)"
        case .headTimeout: "the request's head did not arrive in time"
        case .overloaded: "every worker is busy"
        case .tooManyConnections(let limit): "there are \(limit) connections already"
        }
    }
}
