import Testing
import UmbelHTTP

/// A body that arrives in given pieces.
final class PiecewiseBody: BodyInput {
    private var pieces: [ArraySlice<UInt8>]
    let declaredLength: Int? = nil

    init(_ bytes: [UInt8], cuts: [Int]) {
        let ends = cuts + [bytes.count]
        pieces = zip([0] + cuts, ends).map { bytes[$0..<$1] }.filter { !$0.isEmpty }
        pieces.reverse()
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(BodyError) -> Int {
        guard let piece = pieces.popLast() else { return 0 }
        let count = min(piece.count, buffer.count)
        buffer.copyBytes(from: piece.prefix(count))
        if count < piece.count { pieces.append(piece.dropFirst(count)) }
        return count
    }
}

struct ReadPart: Equatable {
    let name: String
    var filename: String?
    var contentType: String?
    let content: String
}

func readForm(
    _ bytes: [UInt8], boundary: String = "b", cuts: [Int] = [], room: Int = 64
) throws(MultipartError) -> [ReadPart] {
    let body = RequestBody(PiecewiseBody(bytes, cuts: cuts), limit: .max)
    var reader = try MultipartReader(contentType: "multipart/form-data; boundary=\"\(boundary)\"", body: body)
    var parts: [ReadPart] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 1)
    defer { buffer.deallocate() }
    while let part = try reader.nextPart() {
        var content: [UInt8] = []
        while true {
            let count = try reader.read(into: buffer)
            if count == 0 { break }
            content += buffer.prefix(count)
        }
        parts.append(
            ReadPart(
                name: part.name, filename: part.filename, contentType: part.contentType,
                content: String(decoding: content, as: UTF8.self)))
    }
    return parts
}

struct MultipartReaderTests {
    static let form = """
        a preamble\r\n\
        --b\r\nContent-Disposition: form-data; name="name"\r\n\r\nink\r\n\
        --b  \r\ncontent-type: application/octet-stream\r\n\
        Content-Disposition: form-data; name=file; filename="ink \\"1\\".safetensors"\r\n\r\n\
        line\r\n--not the boundary\r\n\r\n--\r\n\r--b\r\n\
        --b\r\nContent-Disposition: form-data; name="empty"\r\n\r\n\r\n\
        --b\r\nContent-Disposition: form-data; name="bare"\r\n\r\n--b--\r\nan epilogue\r\n--b\r\n
        """
    static let parts = [
        ReadPart(name: "name", content: "ink"),
        ReadPart(
            name: "file", filename: "ink \"1\".safetensors", contentType: "application/octet-stream",
            content: "line\r\n--not the boundary\r\n\r\n--\r\n\r--b"),
        ReadPart(name: "empty", content: ""),
        ReadPart(name: "bare", content: ""),
    ]

    @Test("A form reads the same cut at every one and every two places")
    func everySplit() throws {
        let bytes = Array(Self.form.utf8)
        #expect(try readForm(bytes) == Self.parts)
        for first in bytes.indices {
            #expect(try readForm(bytes, cuts: [first], room: 7) == Self.parts, "cut at \(first)")
            let second = min(first + 3, bytes.count)
            #expect(try readForm(bytes, cuts: [first, second]) == Self.parts, "cut at \(first) and \(second)")
        }
        #expect(try readForm(bytes, cuts: Array(bytes.indices), room: 1) == Self.parts)
    }

    @Test("A form may begin with its boundary, and parts may be skipped unread")
    func skipping() throws {
        let bytes = Array(Self.form.utf8.dropFirst("a preamble\r\n".utf8.count))
        #expect(try readForm(bytes) == Self.parts)
        var reader = try MultipartReader(contentType: "multipart/form-data;boundary=b", body: .memory(bytes))
        var names: [String] = []
        while let part = try reader.nextPart() { names.append(part.name) }
        #expect(names == Self.parts.map(\.name))
    }

    @Test("A part is read into memory up to a limit")
    func readAll() throws {
        var reader = try MultipartReader(
            contentType: "multipart/form-data;boundary=b", body: .memory(Array(Self.form.utf8)))
        _ = try reader.nextPart()
        #expect(try reader.readAll(limit: 3) == Array("ink".utf8))
        _ = try reader.nextPart()
        #expect(throws: MultipartError.body(.tooLarge(limit: 5))) { try reader.readAll(limit: 5) }
    }

    @Test(
        "File names are unquoted, decoded, and stripped of folders",
        arguments: [
            ("filename=\"a.bin\"", "a.bin"), ("filename=a.bin", "a.bin"), ("filename=\"\"", ""),
            ("filename=\"a;b.bin\"", "a;b.bin"), ("filename=\"a\\\\b\"", "b"), ("filename=\"C:\\dir\\a.bin\"", "a.bin"),
            ("filename=\"../../etc/passwd\"", "passwd"), ("filename=\"a%22b%0d%0A%41\"", "a\"b\r\n%41"),
            ("filename*=UTF-8''%e2%82%ac%20rates", "€ rates"), ("filename=\"x\"; filename*=utf-8'en'%C3%A9", "é"),
            ("filename=\"x\"; filename*=latin1''%E9", "x"), ("filename=\"x\"; filename*=UTF-8''%zz", "x"),
            ("filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"), ("filename=\"é\"", "é"),
        ])
    func filenames(parameter: String, expected: String) throws {
        let form = "--b\r\nContent-Disposition: form-data; name=x; \(parameter)\r\n\r\n\r\n--b--"
        #expect(try readForm(Array(form.utf8)).first?.filename == expected)
    }

    @Test(
        "Malformed forms are refused",
        arguments: [
            ("", .truncated), ("--b", .truncated), ("--b\r\n", .truncated), ("--b-", .truncated),
            ("--b\r\nContent-Disposition: form-data; name=x\r\n\r\nabc", .truncated),
            ("--b\r\nContent-Disposition: form-data; name=x\r\n\r\nabc\r\n--", .truncated),
            ("--bc\r\n", .malformed("text behind a boundary")),
            ("--b\n", .malformed("a line ends in CRLF")),
            ("--b\r\nX\r\n\r\n--b--", .malformed("a part's header line")),
            (
                "--b\r\nContent-Disposition: form-data; name=x\r\nContent-Disposition: form-data; name=x\r\n\r\n",
                .malformed("content-disposition appears twice")
            ),
            ("--b\r\n\r\n\r\n--b--", .malformed("a part begins with Content-Disposition: form-data; name=…")),
            (
                "--b\r\nContent-Disposition: form-data\r\n\r\n",
                .malformed("a part begins with Content-Disposition: form-data; name=…")
            ),
            ("--b\r\nX: " + String(repeating: "x", count: 20_000), .partHeadersTooLarge(limit: 16_384)),
            (
                String(repeating: "--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n", count: 65),
                .tooManyParts(limit: 64)
            ),
        ] as [(String, MultipartError)])
    func malformed(text: String, expected: MultipartError) {
        #expect(throws: expected) { try readForm(Array(text.utf8)) }
        #expect(throws: expected) { try readForm(Array(text.utf8), cuts: Array(0..<text.utf8.count)) }
    }

    @Test(
        "Content types without a usable boundary are refused",
        arguments: [
            "text/plain", "multipart/mixed; boundary=b", "multipart/form-data", "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=\"a\u{1}\"",
            "multipart/form-data; boundary=" + String(repeating: "x", count: 71),
        ])
    func contentTypes(type: String) {
        #expect(throws: MultipartError.self) { try MultipartReader(contentType: type, body: .memory([])) }
    }

    @Test("A body over its limit is refused while the form is read")
    func bodyLimit() throws {
        let body = RequestBody(PiecewiseBody(Array(Self.form.utf8), cuts: []), limit: 20)
        var reader = try MultipartReader(contentType: "multipart/form-data; boundary=b", body: body)
        #expect(throws: MultipartError.body(.tooLarge(limit: 20))) { try reader.nextPart() }
    }
}
