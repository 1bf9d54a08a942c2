/// A request target, taken apart (RFC 9112, 3.2): origin form, absolute form or `*`.
package struct RequestTarget: Sendable, Equatable {
    /// Decoded segments between the slashes. They are split before they are decoded, so a `%2F` stays inside one.
    /// A final slash adds no empty segment; see `hasTrailingSlash`.
    package private(set) var path: [String] = []
    /// Whether a path other than `/` ends in a slash.
    package private(set) var hasTrailingSlash = false
    /// Decoded parameters in the order sent; `+` is a space. One without `=` has an empty value.
    package private(set) var query: [(name: String, value: String)] = []
    /// `*`, which only OPTIONS may ask for.
    package private(set) var isAsterisk = false

    /// - Throws: `Refusal.malformedRequestLine` for anything that RFC 3986 does not allow, for invalid percent escapes,
    ///   for `%00`, for text that is not UTF-8, and for `.` and `..` as (part of) a decoded segment: a handler may
    ///   turn segments into names of files.
    package init(_ target: some Collection<UInt8>) throws(Refusal) {
        let bytes = Array(target)
        if bytes == Array("*".utf8) {
            isAsterisk = true
            return
        }
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else {
            throw .malformedRequestLine("a target consists of visible ASCII characters without #")
        }
        let origin = try Self.originForm(bytes)
        let mark = origin.firstIndex(of: UInt8(ascii: "?")) ?? origin.endIndex
        try parsePath(origin[..<mark])
        try parseQuery(origin[mark...].dropFirst())
    }

    package static func == (left: RequestTarget, right: RequestTarget) -> Bool {
        left.path == right.path && left.hasTrailingSlash == right.hasTrailingSlash
            && left.isAsterisk == right.isAsterisk && left.query.elementsEqual(right.query, by: ==)
    }

    private mutating func parsePath(_ bytes: ArraySlice<UInt8>) throws(Refusal) {
        var segments = bytes.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if segments.last?.isEmpty == true {
            segments.removeLast()
            hasTrailingSlash = !segments.isEmpty
        }
        for segment in segments {
            let decoded = try PercentEncoding.decode(segment, plusIsSpace: false)
            if decoded.utf8.split(separator: UInt8(ascii: "/")).contains(where: {
                $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8)
            }) {
                throw .malformedRequestLine("a path has no . or .. segments")
            }
            path.append(decoded)
        }
    }

    private mutating func parseQuery(_ bytes: ArraySlice<UInt8>) throws(Refusal) {
        for parameter in bytes.split(separator: UInt8(ascii: "&")) {
            let equals = parameter.firstIndex(of: UInt8(ascii: "=")) ?? parameter.endIndex
            let name = try PercentEncoding.decode(parameter[..<equals], plusIsSpace: true)
            query.append((name, try PercentEncoding.decode(parameter[equals...].dropFirst(), plusIsSpace: true)))
        }
    }

    /// Path and query of a target; the authority of an absolute form is checked and ignored (RFC 9112, 3.2.2).
    private static func originForm(_ bytes: [UInt8]) throws(Refusal) -> ArraySlice<UInt8> {
        if bytes.first == UInt8(ascii: "/") { return bytes[...] }
        let schemes = ["http://", "https://"]
        guard
            let scheme = schemes.first(where: { scheme in
                bytes.prefix(scheme.utf8.count).map(ASCII.lowercase).elementsEqual(scheme.utf8)
            })
        else { throw .malformedRequestLine("a target begins with / or is an absolute http URI") }
        let rest = bytes.dropFirst(scheme.utf8.count)
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        guard end > rest.startIndex, HostField.isValid(rest[..<end]) else {
            throw .malformedRequestLine("the target's authority is not host[:port]")
        }
        let path = rest[end...]
        return path.first == UInt8(ascii: "/") ? path : (Array("/".utf8) + path)[...]
    }
}
