internal import UmbelFormats

/// The fields of an object in a request's body, read with errors that name them in full.
struct BodyFields {
    private let members: [JSON.Member]
    private let place: String?

    /// - Parameter place: of the object in the body ("arms[2]"); nil for the body itself.
    init(_ members: [JSON.Member], below place: String? = nil) {
        self.members = members
        self.place = place
    }

    func path(_ name: String) -> String { place.map { "\($0).\(name)" } ?? name }

    /// - Throws: `RequestError.unknownField` for a field that is none of `known`: a misspelt one must not be ignored.
    func check(known: [String]) throws {
        for member in members where !known.contains(member.name) {
            throw RequestError.unknownField(
                name: path(member.name), nearest: Spelling.nearest(to: member.name, among: known))
        }
    }

    subscript(name: String) -> JSON? { members.first { $0.name == name }?.value }

    /// - Throws: if the field is missing or no string.
    func string(_ name: String, _ expected: String) throws -> String {
        guard let value = self[name] else { throw RequestError.missingField(path(name)) }
        guard let text = value.string else { throw RequestError.invalidField(name: path(name), expected: expected) }
        return text
    }

    /// - Returns: nil if the field is missing.
    /// - Throws: if it is no finite number.
    func number(_ name: String) throws -> Double? {
        guard let value = self[name] else { return nil }
        guard let number = value.double, number.isFinite else {
            throw RequestError.invalidField(name: path(name), expected: "a number")
        }
        return number
    }
}
