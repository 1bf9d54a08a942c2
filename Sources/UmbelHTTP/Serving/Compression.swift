internal import CZlib
internal import HTTPTypes

/// Below this many bytes gzip saves nothing that a packet notices.
private let smallestCompressed = 1_024

/// The response with its body compressed by gzip, if it is text or JSON in memory and the client wants that.
///
/// Never bodies that are produced while they are sent, and never 206: ranges count the bytes as they are. A strong
/// `ETag` becomes weak, because it names other bytes. `Vary` is set whenever the answer could have been compressed.
package func compressible(_ response: Response, for request: Request) -> Response {
    guard case .bytes(let bytes) = response.body, bytes.count >= smallestCompressed,
        response.status != .partialContent, response.headers[.contentEncoding] == nil,
        isText(response.headers[.contentType])
    else { return response }
    var response = response
    let vary = response.headers[.vary]
    if vary.map({ !ASCII.list($0).map(ASCII.lowercased).contains("accept-encoding") && $0 != "*" }) ?? true {
        response.headers[.vary] = vary.map { "\($0), Accept-Encoding" } ?? "Accept-Encoding"
    }
    guard AcceptEncoding.prefersGzip(request.headers[.acceptEncoding]),
        let compressed = gzip(bytes), compressed.count < bytes.count
    else { return response }
    response.headers[.contentEncoding] = "gzip"
    if let etag = response.headers[.eTag], etag.hasPrefix("\"") { response.headers[.eTag] = "W/" + etag }
    response.body = .bytes(compressed)
    return response
}

private func isText(_ contentType: String?) -> Bool {
    guard let contentType, let type = contentType.split(separator: ";").first else { return false }
    let name = ASCII.lowercased(type.filter { $0 != " " })
    return name.hasPrefix("text/") || name == "application/json" || name.hasSuffix("+json") || name == "image/svg+xml"
}

/// - Returns: nil when zlib has no memory.
func gzip(_ bytes: [UInt8]) -> [UInt8]? {
    var stream = z_stream()
    // 15 bits of window, and 16 for the gzip wrapper; 8 is zlib's default for the memory it takes.
    let status = deflateInit2_(
        &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { return nil }
    defer { deflateEnd(&stream) }
    guard let count = UInt32(exactly: bytes.count) else { return nil }
    let bound = Int(deflateBound(&stream, UInt(count)))
    var input = bytes
    var finished = false
    let output = [UInt8](unsafeUninitializedCapacity: bound) { output, produced in
        finished = input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = count
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(clamping: bound)
            return deflate(&stream, Z_FINISH) == Z_STREAM_END
        }
        produced = bound - Int(stream.avail_out)
    }
    return finished ? output : nil
}
