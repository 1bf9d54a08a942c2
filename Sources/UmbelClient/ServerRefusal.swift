package import UmbelFormats

/// An answer with another status than success, and what the server says about it.
package struct ServerRefusal: Hashable, Sendable {
    package let status: Int
    /// The stable word of a problem (RFC 9457 with Umbel's members); nil for any other body.
    package let code: String?
    package let detail: String?
    /// The offending keys, shapes or fields, one object each.
    package let errors: [JSON]
    /// The beginning of a body that is no problem: a proxy's page, for instance. Empty without a body.
    package let beginning: String
    /// Where a redirect would lead.
    package let location: String?
    /// Seconds after which the server wants to be asked again.
    package let retryAfter: Int?

    init(_ response: ClientResponse) {
        status = response.status
        location = response["location"]
        // The other form, a date, is of no use to a client whose clock may be wrong.
        retryAfter = response["retry-after"].flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
        let isProblem = response["content-type"]?.lowercased().hasPrefix("application/problem+json") ?? false
        let problem = isProblem && !response.isTruncated ? try? JSON(parsing: response.body) : nil
        code = problem?["code"]?.string
        detail = problem?["detail"]?.string ?? problem?["title"]?.string
        errors = problem?["errors"]?.array ?? []
        beginning = detail == nil ? Beginning.of(response.body) : ""
    }
}

/// What is shown of a body that nobody can read.
enum Beginning {
    static func of(_ body: [UInt8]) -> String { String(String(decoding: body.prefix(400), as: UTF8.self).prefix(200)) }
}
