internal import HTTPTypes
import Testing
import UmbelHTTP

struct CompressionTests {
    static let text = String(repeating: "umbel ", count: 400)

    func answer(
        accept: String?, type: String = "application/json", _ text: String = text, status: HTTPResponse.Status = .ok
    ) throws -> Response {
        var headers = HTTPFields()
        headers[.acceptEncoding] = accept
        var response = Response(status, contentType: type, text)
        response.headers[.eTag] = "\"v1\""
        return compressible(response, for: try Request(.get, "/", headers: headers))
    }

    @Test(
        "Accept-Encoding decides, q-values included",
        arguments: [
            (nil, false), ("", false), ("gzip", true), ("GZip", true), ("x-gzip", true), ("*", true),
            ("br, gzip", true),
            ("gzip;q=0", false), ("gzip; q=0.000", false), ("gzip ; Q=0.001", true), ("*;q=0", false),
            ("gzip;q=0, *", false), ("identity", false), ("gzip;q=0.5, identity", false), ("gzip;q=x", false),
            ("gzip;q=1.0, identity;q=0.5", true), ("br", false), ("deflate, gzip;q=1.0, *;q=0.5", true),
        ] as [(String?, Bool)])
    func negotiation(accept: String?, expected: Bool) throws {
        let response = try answer(accept: accept)
        #expect((response.headers[.contentEncoding] == "gzip") == expected)
        #expect(response.headers[.vary] == "Accept-Encoding")
        #expect(response.headers[.eTag] == (expected ? "W/\"v1\"" : "\"v1\""))
        if expected {
            let bytes = try collect(response.body)
            #expect(bytes.starts(with: [0x1F, 0x8B]))
            #expect(bytes.count < Self.text.utf8.count / 10)
            // The trailer: CRC-32 and length of what was compressed, little-endian (RFC 1952, 2.3.1).
            let trailer = bytes.suffix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            #expect(trailer == UInt64(Self.text.utf8.count) << 32 | UInt64(checksum(Array(Self.text.utf8))))
        }
    }

    /// CRC-32, bit by bit (RFC 1952, 8).
    private func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(UInt32.max) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in crc & 1 == 1 ? 0xEDB8_8320 ^ (crc >> 1) : crc >> 1 }
        }
    }

    @Test("Short, binary, partial and produced bodies are left alone")
    func exceptions() throws {
        #expect(try answer(accept: "gzip", "short").headers[.contentEncoding] == nil)
        #expect(try answer(accept: "gzip", type: "image/png").headers[.contentEncoding] == nil)
        #expect(try answer(accept: "gzip", status: .partialContent).headers[.contentEncoding] == nil)
        let source = MemorySource(Array(Self.text.utf8))
        let response = Response(.ok, headers: [.contentType: "text/plain"], body: .source(source, 0..<source.count))
        let request = try Request(.get, "/", headers: [.acceptEncoding: "gzip"])
        #expect(compressible(response, for: request).headers[.contentEncoding] == nil)
    }

    @Test("Vary is added to what is there, once")
    func vary() throws {
        let request = try Request(.get, "/")
        for (before, after) in [
            ("Origin", "Origin, Accept-Encoding"), ("accept-encoding", "accept-encoding"), ("*", "*"),
        ] {
            var response = Response(.ok, contentType: "text/plain", Self.text)
            response.headers[.vary] = before
            #expect(compressible(response, for: request).headers[.vary] == after)
        }
    }
}
