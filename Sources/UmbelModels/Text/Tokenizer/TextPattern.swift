/// A text that stands for something wherever it occurs: an added token, the trigger word of an embedding.
package struct TextPattern: Hashable, Sendable {
    /// What is looked for; never empty.
    package let content: String
    /// Is it looked for in normalized text, itself normalized? Otherwise in the text as it was written, before the others.
    package let isNormalized: Bool
    /// May no letter, digit, mark or underscore be its neighbour?
    package let startsWord: Bool
    package let endsWord: Bool
    /// Does it swallow the white space around it?
    package let stripsBefore: Bool
    package let stripsAfter: Bool

    package init(
        _ content: String, isNormalized: Bool = false, startsWord: Bool = false, endsWord: Bool = false,
        stripsBefore: Bool = false, stripsAfter: Bool = false
    ) {
        self.content = content
        self.isNormalized = isNormalized
        self.startsWord = startsWord
        self.endsWord = endsWord
        self.stripsBefore = stripsBefore
        self.stripsAfter = stripsAfter
    }

    /// A word that people write: in any case, and not within another word.
    package init(word: String) {
        self.init(
            word, isNormalized: true, startsWord: word.unicodeScalars.first.map(Self.isWordCharacter) ?? false,
            endsWord: word.unicodeScalars.last.map(Self.isWordCharacter) ?? false)
    }

    /// `\w` of Unicode's regular expressions (UTS 18, annex C).
    static func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.properties.isAlphabetic || scalar.properties.isJoinControl { return true }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return false
        }
    }
}
