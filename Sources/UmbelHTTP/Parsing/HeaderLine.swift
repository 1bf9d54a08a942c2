internal import HTTPTypes

/// `name ":" OWS value OWS` (RFC 9112, 5).
enum HeaderLine {
    /// - Parameter line: without its line end.
    static func parse(_ line: [UInt8]) throws(Refusal) -> HTTPField {
        guard line.first != ASCII.space, line.first != ASCII.tab else {
            throw .malformedHeader("folded header lines are obsolete")
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw .malformedHeader("a header has a colon") }
        let name = line[..<colon]
        guard !name.isEmpty, name.allSatisfy(ASCII.isToken),
            let fieldName = HTTPField.Name(String(decoding: name, as: UTF8.self))
        else { throw .malformedHeader("a header's name is a token, directly followed by its colon") }
        let value = ASCII.trimmed(line[(colon + 1)...])
        guard value.allSatisfy(ASCII.isFieldValue) else {
            throw .malformedHeader("\(fieldName.rawName) contains a control character")
        }
        return HTTPField(name: fieldName, value: value)
    }
}
