package import HTTPTypes
package import UmbelFormats
package import UmbelHTTP

/// An error as a client sees it (RFC 9457, `application/problem+json`), and as the command line prints it. The one map
/// from errors to status codes and words; `Problem+…` files hold the words of each floor.
package struct Problem: Sendable {
    package let status: HTTPResponse.Status
    /// A stable word for the condition.
    package let code: String
    package let title: String
    package let detail: String
    /// The offending keys, shapes or fields, one entry each.
    package var errors: [JSON] = []
    package var headers: HTTPFields = [:]

    package init(_ status: HTTPResponse.Status, _ code: String, _ title: String, _ detail: String) {
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
    }

    /// The problem object without OpenAI's part.
    package var json: JSON { .object(members) }

    private var members: [JSON.Member] {
        let members: [JSON.Member] = [
            .init("type", .string("urn:umbel:problem:\(code)")), .init("title", .string(title)),
            .init("status", JSON(status.code)), .init("detail", .string(detail)), .init("code", .string(code)),
        ]
        return errors.isEmpty ? members : members + [.init("errors", .array(errors))]
    }

    package func response(forOpenAI: Bool = false) -> Response {
        var members = members
        if forOpenAI { members.append(.init("error", openAIError)) }
        var response = Response(status, contentType: "application/problem+json", JSON.object(members).prettyText)
        for field in headers { response.headers.append(field) }
        return response
    }

    private var openAIError: JSON {
        let kind = status.code == 404 ? "model_not_found" : code
        return [
            "message": .string(detail),
            "type": .string(status.kind == .serverError ? "server_error" : "invalid_request_error"),
            "param": status.code == 404 ? "model" : .null, "code": .string(kind),
        ]
    }
}
