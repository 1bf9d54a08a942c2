/// A header value with parameters: `form-data; name="x"; filename*=UTF-8''y` (RFC 9110, 5.6.6 and RFC 8187).
struct HeaderParameters {
    /// What stands before the first semicolon, lower case.
    let value: String
    private let parameters: [(name: String, value: String)]

    /// - Returns: nil when a parameter is malformed or appears twice.
    init?(_ text: String) {
        var rest = Array(text.utf8)[...]
        let end = rest.firstIndex(of: UInt8(ascii: ";")) ?? rest.endIndex
        value = ASCII.lowercased(String(decoding: ASCII.trimmed(rest[..<end]), as: UTF8.self))
        rest = rest[end...]
        var found: [(name: String, value: String)] = []
        while true {
            rest = rest.drop { $0 == ASCII.space || $0 == ASCII.tab || $0 == UInt8(ascii: ";") }
            if rest.isEmpty { break }
            guard let equals = rest.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            let name = rest[..<equals]
            guard !name.isEmpty, name.allSatisfy(ASCII.isToken) else { return nil }
            rest = rest[(equals + 1)...]
            guard let value = Self.takeValue(&rest) else { return nil }
            let key = ASCII.lowercased(String(decoding: name, as: UTF8.self))
            if found.contains(where: { $0.name == key }) { return nil }
            found.append((key, value))
        }
        parameters = found
    }

    subscript(name: String) -> String? { parameters.first { $0.name == name }?.value }

    /// The parameter in its extended form `name*=UTF-8''percent-encoded` if it is there and valid, else the plain one.
    func extended(_ name: String) -> String? {
        guard let value = self[name + "*"] else { return self[name] }
        let parts = value.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, ASCII.lowercased(parts[0]) == "utf-8",
            let decoded = try? PercentEncoding.decode(parts[2].utf8, plusIsSpace: false)
        else { return self[name] }  // RFC 8187, 3.2.1: what is not understood is ignored.
        return decoded
    }

    /// A token, or a quoted string of which `\"` and `\\` are the escapes. A backslash before anything else stays:
    /// there are clients that put a Windows path between the quotes as it is.
    private static func takeValue(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard rest.first == UInt8(ascii: "\"") else {
            let token = rest.prefix { $0 != UInt8(ascii: ";") }
            rest = rest[token.endIndex...]
            let trimmed = ASCII.trimmed(token)
            return trimmed.contains(UInt8(ascii: "\"")) ? nil : String(decoding: trimmed, as: UTF8.self)
        }
        var text: [UInt8] = []
        var position = rest.startIndex + 1
        while position < rest.endIndex {
            let byte = rest[position]
            if byte == UInt8(ascii: "\"") {
                rest = ASCII.trimmed(rest[(position + 1)...])
                guard rest.isEmpty || rest.first == UInt8(ascii: ";") else { return nil }
                return String(decoding: text, as: UTF8.self)
            }
            let next = position + 1 < rest.endIndex ? rest[position + 1] : 0
            if byte == UInt8(ascii: "\\"), next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") { position += 1 }
            text.append(rest[position])
            position += 1
        }
        return nil
    }
}
