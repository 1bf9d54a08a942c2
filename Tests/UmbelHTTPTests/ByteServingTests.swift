internal import HTTPTypes
import Testing
import UmbelHTTP

/// The whole body of a response, in memory.
func collect(_ body: ResponseBody) throws -> [UInt8] {
    var bytes: [UInt8] = []
    switch body {
    case .none: break
    case .bytes(let all): bytes = all
    case .source(let source, let range): try source.write(range) { $0.withBytes { bytes += $0 } }
    case .multipart(let parts):
        for part in parts.parts {
            bytes += part.head
            try parts.source.write(part.range) { $0.withBytes { bytes += $0 } }
        }
        bytes += parts.tail
    case .stream(let produce): try produce { $0.withBytes { bytes += $0 } }
    }
    return bytes
}

struct ByteServingTests {
    static let content = Array("0123456789".utf8)
    /// 1994-11-06 08:49:37 UTC, the example of RFC 9110.
    static let modified = 784_111_777
    static let date = "Sun, 06 Nov 1994 08:49:37 GMT"
    static let later = "Sun, 06 Nov 1994 08:49:38 GMT"
    static let earlier = "Sun, 06 Nov 1994 08:49:36 GMT"

    func answer(_ headers: HTTPFields, to method: HTTPRequest.Method = .get) throws -> Response {
        let representation = Representation(etag: "v1", contentType: "text/x", lastModified: Self.modified)
        return serve(MemorySource(Self.content), as: representation, for: try Request(method, "/", headers: headers))
    }

    @Test(
        "Preconditions are evaluated in the order of RFC 9110, 13.2.2",
        arguments: [
            ([:], 200),
            ([.ifMatch: "\"v1\""], 200), ([.ifMatch: "*"], 200), ([.ifMatch: "\"x\", \"v1\""], 200),
            ([.ifMatch: "\"x\""], 412), ([.ifMatch: "W/\"v1\""], 412), ([.ifMatch: "v1"], 412),
            ([.ifMatch: "\"v1\"", .ifUnmodifiedSince: earlier], 200),
            ([.ifUnmodifiedSince: date], 200), ([.ifUnmodifiedSince: earlier], 412), ([.ifUnmodifiedSince: "x"], 200),
            ([.ifNoneMatch: "\"v1\""], 304), ([.ifNoneMatch: "W/\"v1\""], 304), ([.ifNoneMatch: "*"], 304),
            ([.ifNoneMatch: "\"a,b\", \"v1\""], 304), ([.ifNoneMatch: "\"x\""], 200), ([.ifNoneMatch: "v1"], 200),
            ([.ifNoneMatch: "\"x\"", .ifModifiedSince: later], 200),
            ([.ifModifiedSince: date], 304), ([.ifModifiedSince: later], 304), ([.ifModifiedSince: earlier], 200),
            ([.ifMatch: "\"x\"", .ifNoneMatch: "\"v1\""], 412), ([.ifMatch: "\"v1\"", .ifNoneMatch: "\"v1\""], 304),
            ([.ifNoneMatch: "\"v1\"", .range: "bytes=0-1"], 304),
            ([.range: "bytes=0-1"], 206), ([.range: "bytes=0-1", .ifRange: "\"v1\""], 206),
            ([.range: "bytes=0-1", .ifRange: "W/\"v1\""], 200), ([.range: "bytes=0-1", .ifRange: "\"x\""], 200),
            ([.range: "bytes=0-1", .ifRange: date], 206), ([.range: "bytes=0-1", .ifRange: later], 200),
            ([.range: "bytes=20-", .ifRange: "\"x\""], 200), ([.range: "bytes=20-"], 416), ([.range: "nonsense"], 200),
        ] as [(HTTPFields, Int)])
    func preconditions(headers: HTTPFields, status: Int) throws {
        let response = try answer(headers)
        #expect(response.status.code == status)
        #expect(response.headers[.eTag] == "\"v1\"")
        #expect(response.headers[.lastModified] == Self.date)
        #expect(response.headers[.acceptRanges] == "bytes")
    }

    @Test("A PUT with If-None-Match: * is refused only where something exists")
    func createOnly() {
        let headers: HTTPFields = [.ifNoneMatch: "*"]
        #expect(Preconditions.evaluate(headers, method: .put, etag: "v1") == .failed)
        #expect(Preconditions.evaluate(headers, method: .put, etag: nil, exists: false) == .proceed)
        #expect(Preconditions.evaluate([.ifMatch: "*"], method: .put, etag: nil, exists: false) == .failed)
    }

    @Test("One range is answered with its bytes and where they are from")
    func singleRange() throws {
        let response = try answer([.range: "bytes=2-4"])
        #expect(response.headers[.contentRange] == "bytes 2-4/10")
        #expect(response.headers[.contentType] == "text/x")
        #expect(try collect(response.body) == Array("234".utf8))
    }

    @Test("Several ranges are a multipart body of the length that was announced")
    func multipleRanges() throws {
        let response = try answer([.range: "bytes=8-,0-1"])
        let body = try collect(response.body)
        #expect(response.body.count == body.count)
        let type = try #require(response.headers[.contentType])
        let boundary = try #require(type.split(separator: "boundary=").last)
        #expect(type.hasPrefix("multipart/byteranges; boundary="))
        let expected = """
            --\(boundary)\r\nContent-Type: text/x\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n\
            --\(boundary)\r\nContent-Type: text/x\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n\
            --\(boundary)--\r\n
            """
        #expect(String(decoding: body, as: UTF8.self) == expected)
    }

    @Test("What cannot be satisfied is answered with the length")
    func unsatisfiable() throws {
        let response = try answer([.range: "bytes=10-"])
        #expect(response.headers[.contentRange] == "bytes */10")
        #expect(response.body.count == 0)
    }

    @Test("HEAD ignores Range and says what the whole is")
    func head() throws {
        let response = try answer([.range: "bytes=0-1"], to: .head)
        #expect(response.status == .ok)
        #expect(response.body.count == 10)
    }

    @Test("Dates are written and read back", arguments: [0, 784_111_777, 951_782_400, 4_102_444_799, 1_709_164_800])
    func dates(seconds: Int) {
        #expect(HTTPDate.parse(HTTPDate.format(seconds)) == seconds)
    }

    @Test("The example date of RFC 9110 is written as there")
    func exampleDate() {
        #expect(HTTPDate.format(Self.modified) == Self.date)
        #expect(HTTPDate.format(951_782_400) == "Tue, 29 Feb 2000 00:00:00 GMT")
        for text in [
            "", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
        ] {
            #expect(HTTPDate.parse(text) == nil)
        }
    }
}
