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
    /// Further members of the body (RFC 9457, 3.2).
    package var extensions: [JSON.Member] = []

    package init(_ status: HTTPResponse.Status, _ code: String, _ title: String, _ detail: String) {
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
    }

    /// The problem object without what a dialect adds.
    package var json: JSON { .object(members) }

    private var members: [JSON.Member] {
        let members: [JSON.Member] = [
            .init("type", .string("urn:umbel:problem:\(code)")), .init("title", .string(title)),
            .init("status", JSON(status.code)), .init("detail", .string(detail)), .init("code", .string(code)),
        ]
        return members + (errors.isEmpty ? [] : [.init("errors", .array(errors))]) + extensions
    }

    package func response(_ dialect: ErrorDialect = .none) -> Response {
        let members = members + dialect.members(self)
        var response = Response(status, contentType: "application/problem+json", JSON.object(members).prettyText)
        for field in headers { response.headers.append(field) }
        for field in dialect.headers(self) { response.headers.append(field) }
        return response
    }
}
