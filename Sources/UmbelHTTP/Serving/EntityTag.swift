/// An entity tag (RFC 9110, 8.8.3): what is between the quotes, and whether it is weak.
package struct EntityTag: Equatable, Sendable {
    package let value: String
    package let isWeak: Bool

    package init(_ value: String, isWeak: Bool = false) {
        self.value = value
        self.isWeak = isWeak
    }

    /// Both are strong, and equal (8.8.3.2).
    package func matchesStrongly(_ other: EntityTag) -> Bool { !isWeak && !other.isWeak && value == other.value }

    /// Equal, strong or not.
    package func matchesWeakly(_ other: EntityTag) -> Bool { value == other.value }

    package var text: String { (isWeak ? "W/" : "") + "\"\(value)\"" }

    /// A comma-separated list of tags. Reading ends at the first that is malformed: it cannot match.
    package static func list(_ text: String) -> [EntityTag] {
        var tags: [EntityTag] = []
        var rest = Array(text.utf8)[...]
        while true {
            rest = rest.drop { $0 == ASCII.space || $0 == ASCII.tab || $0 == UInt8(ascii: ",") }
            let isWeak = rest.starts(with: "W/".utf8)
            if isWeak { rest = rest.dropFirst(2) }
            guard rest.first == UInt8(ascii: "\""), let end = rest.dropFirst().firstIndex(of: UInt8(ascii: "\"")) else {
                return tags
            }
            tags.append(EntityTag(String(decoding: rest[(rest.startIndex + 1)..<end], as: UTF8.self), isWeak: isWeak))
            rest = ASCII.trimmed(rest[(end + 1)...])
            guard rest.first == UInt8(ascii: ",") else { return tags }
        }
    }
}
