package import HTTPTypes

/// What the `If-…` headers of a request come to, given what is there now (RFC 9110, 13).
package enum Preconditions: Equatable, Sendable {
    case proceed
    /// 304, for GET and HEAD.
    case notModified
    /// 412.
    case failed

    /// Evaluates in the order of RFC 9110, 13.2.2, without `If-Range`, which comes last and only concerns `Range`.
    ///
    /// - Parameters:
    ///   - etag: the current one, strong, without quotes; nil when there is none.
    ///   - exists: whether there is anything under this name. `If-None-Match: *` on a PUT refuses to overwrite it.
    ///   - lastModified: seconds since 1970.
    package static func evaluate(
        _ headers: HTTPFields, method: HTTPRequest.Method, etag: String?, exists: Bool = true, lastModified: Int? = nil
    ) -> Preconditions {
        let reads = method == .get || method == .head
        let current = etag.map { EntityTag($0) }
        if let ifMatch = headers[.ifMatch] {
            let holds = matches(ifMatch, current, exists) { $0.matchesStrongly($1) }
            if !holds { return .failed }
        } else if let since = date(headers, .ifUnmodifiedSince), let lastModified, lastModified > since {
            return .failed
        }
        if let ifNoneMatch = headers[.ifNoneMatch] {
            if matches(ifNoneMatch, current, exists, by: { $0.matchesWeakly($1) }) {
                return reads ? .notModified : .failed
            }
        } else if reads, let since = date(headers, .ifModifiedSince), let lastModified, lastModified <= since {
            return .notModified
        }
        return .proceed
    }

    /// Whether `Range` is to be obeyed: `If-Range` is missing, or names exactly what is there (RFC 9110, 13.1.5).
    static func allowRange(_ headers: HTTPFields, etag: String?, lastModified: Int?) -> Bool {
        guard let ifRange = headers[.ifRange] else { return true }
        if let named = EntityTag.list(ifRange).first {
            guard let etag else { return false }
            return named.matchesStrongly(EntityTag(etag))
        }
        guard let lastModified, let date = HTTPDate.parse(ifRange) else { return false }
        return date == lastModified
    }

    private static func matches(
        _ header: String, _ current: EntityTag?, _ exists: Bool, by equal: (EntityTag, EntityTag) -> Bool
    ) -> Bool {
        if ASCII.trimmed(Array(header.utf8)[...]).elementsEqual("*".utf8) { return exists }
        guard let current else { return false }
        return EntityTag.list(header).contains { equal($0, current) }
    }

    private static func date(_ headers: HTTPFields, _ name: HTTPField.Name) -> Int? {
        headers[name].flatMap(HTTPDate.parse)
    }
}
