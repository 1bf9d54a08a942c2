internal import HTTPTypes
internal import UmbelEngine
internal import UmbelHTTP

/// `If-Match` and `If-None-Match` of a request that changes what a name or a tag points to (RFC 9110, 13.1.1 and 13.1.2).
/// The entity tag is the digest, with or without "sha256:".
struct Preconditions: Sendable {
    private let match: String?
    private let noneMatch: String?

    init(_ request: Request) {
        match = request.headers[.ifMatch]
        noneMatch = request.headers[.ifNoneMatch]
    }

    /// - Parameters:
    ///   - name: what is told of in the error.
    ///   - digest: what it points to now; nil if it does not exist.
    func check(_ name: String, _ digest: String?) throws(EngineError) {
        if let match {
            guard digest != nil, match == "*" || Self.lists(match, digest) else {
                throw .preconditionFailed(adapter: name, digest: digest)
            }
        }
        if let noneMatch {
            guard !(noneMatch == "*" ? digest != nil : Self.lists(noneMatch, digest)) else {
                throw .preconditionFailed(adapter: name, digest: digest)
            }
        }
    }

    private static func lists(_ text: String, _ digest: String?) -> Bool {
        guard let digest else { return false }
        return EntityTag.list(text).contains { $0.value == "sha256:\(digest)" || $0.value == digest }
    }
}
