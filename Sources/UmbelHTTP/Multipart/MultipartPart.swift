internal import HTTPTypes

/// The headers of one part of a form (RFC 7578, 4).
package struct Part: Equatable, Sendable {
    /// The field's name.
    package let name: String
    /// The last component of the file's name: folders are the client's business (RFC 7578, 4.2). Nil for a plain field.
    package let filename: String?
    package let contentType: String?

    /// - Parameter lines: the part's header lines without line ends.
    init(lines: [[UInt8]]) throws(MultipartError) {
        var disposition: String?
        var contentType: String?
        for line in lines {
            let field: (name: String, value: String)
            do {
                let parsed = try HeaderLine.parse(line)
                field = (parsed.name.canonicalName, parsed.value)
            } catch { throw .malformed("a part's header line") }
            switch field.name {
            case "content-disposition" where disposition == nil: disposition = field.value
            case "content-type" where contentType == nil: contentType = field.value
            case "content-disposition", "content-type": throw .malformed("\(field.name) appears twice")
            default: break
            }
        }
        guard let disposition, let parameters = HeaderParameters(disposition), parameters.value == "form-data",
            let name = parameters["name"]
        else { throw .malformed("a part begins with Content-Disposition: form-data; name=…") }
        self.name = Self.unescaped(name)
        filename = parameters.extended("filename").map { name in
            let plain = parameters["filename*"] == nil ? Self.unescaped(name) : name
            return plain.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == "\\" }.last.map(String.init) ?? ""
        }
        self.contentType = contentType
    }

    /// Browsers escape these three, and only these, by percent (WHATWG HTML, multipart/form-data encoding).
    private static func unescaped(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let first = rest.first {
            let escape = rest.prefix(3).map(ASCII.lowercase)
            switch String(decoding: escape, as: UTF8.self) {
            case "%22": bytes.append(UInt8(ascii: "\""))
            case "%0d": bytes.append(ASCII.carriageReturn)
            case "%0a": bytes.append(ASCII.lineFeed)
            default:
                bytes.append(first)
                rest = rest.dropFirst()
                continue
            }
            rest = rest.dropFirst(3)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
