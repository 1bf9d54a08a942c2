/// Cuts a prompt into brackets, weights and text. One character decides, except for `\`, which takes the next one, and for
/// `:1.3)`, which is read as a whole or not at all.
struct AttentionLexer {
    enum Token: Hashable {
        case text(String)
        case openRound
        case closeRound
        case openSquare
        case closeSquare
        /// `:1.3)`: its number, and as it was written.
        case weight(Double, String)
    }

    private static let marks: Set<Unicode.Scalar> = ["\\", "(", ")", "[", "]", ":"]
    private var rest: ArraySlice<Unicode.Scalar>

    init(_ prompt: String) {
        rest = Array(prompt.unicodeScalars)[...]
    }

    mutating func next() -> Token? {
        guard let first = rest.first else { return nil }
        switch first {
        case "\\": return escape()
        case "(": return taking(1, .openRound)
        case ")": return taking(1, .closeRound)
        case "[": return taking(1, .openSquare)
        case "]": return taking(1, .closeSquare)
        case ":": return weight() ?? taking(1, .text(":"))
        default:
            let text = rest.prefix { !Self.marks.contains($0) }
            return taking(text.count, .text(String(scalars: text)))
        }
    }

    private mutating func taking(_ count: Int, _ token: Token) -> Token {
        rest.removeFirst(count)
        return token
    }

    /// A bracket or a backslash after a backslash is text; any other backslash vanishes.
    private mutating func escape() -> Token {
        rest.removeFirst()
        guard let next = rest.first, next != ":", Self.marks.contains(next) else { return .text("") }
        return taking(1, .text(String(next)))
    }

    /// `:`, spaces, a number, spaces, `)`. A number of several points, or too large for one, is none.
    private mutating func weight() -> Token? {
        var text = rest.dropFirst()
        text = text.drop { $0.properties.isWhitespace }
        let number = text.prefix { "+-.0123456789".unicodeScalars.contains($0) }
        text = text.dropFirst(number.count).drop { $0.properties.isWhitespace }
        guard text.first == ")", let weight = DecimalNumber.value(String(scalars: number)) else { return nil }
        let written = rest.prefix(text.startIndex + 1 - rest.startIndex)
        return taking(written.count, .weight(weight, String(scalars: written)))
    }
}

/// Numbers as people write them in prompts.
enum DecimalNumber {
    /// An optional sign, digits, at most one point; nil for anything else, and for what is too large for a number.
    static func value(_ text: some StringProtocol) -> Double? {
        let digits = text.hasPrefix("+") || text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard digits.utf8.contains(where: { (48...57).contains($0) }),
            digits.utf8.allSatisfy({ (48...57).contains($0) || $0 == UInt8(ascii: ".") }),
            digits.utf8.count(where: { $0 == UInt8(ascii: ".") }) <= 1
        else { return nil }
        // Swift's own reader wants a digit on both sides of the point, or none.
        let sign = text.hasPrefix("-") ? "-" : ""
        guard let value = Double(sign + "0" + digits + (digits.hasSuffix(".") ? "0" : "")), value.isFinite else {
            return nil
        }
        return value
    }
}

extension String {
    init(scalars: some Sequence<Unicode.Scalar>) {
        var view = UnicodeScalarView()
        view.append(contentsOf: scalars)
        self.init(view)
    }
}
