package import HTTPTypes

/// What a byte source represents, as headers say it.
package struct Representation: Sendable {
    /// Strong, without quotes.
    package var etag: String?
    package var contentType: String
    /// Seconds since 1970.
    package var lastModified: Int?
    /// Further headers of 200 and 206, such as `Content-Disposition`. Those that a cache updates with
    /// (`Cache-Control`, `Vary` and the like) belong here too and are sent with 304 as well.
    package var headers: HTTPFields

    package init(
        etag: String?, contentType: String = "application/octet-stream", lastModified: Int? = nil,
        headers: HTTPFields = [:]
    ) {
        self.etag = etag
        self.contentType = contentType
        self.lastModified = lastModified
        self.headers = headers
    }
}

/// Answers GET or HEAD for a byte source: preconditions (RFC 9110, 13), then ranges (14).
///
/// `Range` is obeyed for GET only, as RFC 9110, 14.2 defines it for nothing else; HEAD says what the whole is.
package func serve(_ source: any ByteSource, as representation: Representation, for request: Request) -> Response {
    var headers = representation.headers
    headers[.acceptRanges] = "bytes"
    headers[.eTag] = representation.etag.map { EntityTag($0).text }
    headers[.lastModified] = representation.lastModified.map(HTTPDate.format)

    switch Preconditions.evaluate(
        request.headers, method: request.method, etag: representation.etag, lastModified: representation.lastModified)
    {
    case .proceed: break
    case .notModified: return Response(.notModified, headers: headers)
    case .failed: return Response(.preconditionFailed, headers: headers)
    }

    headers[.contentType] = representation.contentType
    let whole = Response(.ok, headers: headers, body: .source(source, 0..<source.count))
    guard request.method == .get, let range = request.headers[.range],
        Preconditions.allowRange(
            request.headers, etag: representation.etag, lastModified: representation.lastModified)
    else { return whole }

    switch ByteRanges.parse(range, count: source.count) {
    case .ignored: return whole
    case .unsatisfiable:
        headers[.contentType] = nil
        headers[.contentRange] = "bytes */\(source.count)"
        return Response(.rangeNotSatisfiable, headers: headers)
    case .satisfiable(let ranges):
        if ranges.count == 1 {
            headers[.contentRange] = MultipartByteRanges.contentRange(ranges[0], source.count)
            return Response(.partialContent, headers: headers, body: .source(source, ranges[0]))
        }
        let parts = MultipartByteRanges(source, ranges, contentType: representation.contentType)
        headers[.contentType] = "multipart/byteranges; boundary=\(parts.boundary)"
        return Response(.partialContent, headers: headers, body: .multipart(parts))
    }
}
