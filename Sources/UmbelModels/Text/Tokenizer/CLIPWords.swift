/// How CLIP's tokenizer reads text: the same letters however they are composed, spaces and capitals made equal, then words.
///
/// As `transformers`' CLIPTokenizer does without ftfy. Characters are told apart by Unicode's properties, in the edition
/// that the Swift library knows.
enum CLIPWords {
    private enum Kind {
        case space
        case letter
        case number
        case other

        init(_ scalar: Unicode.Scalar) {
            if scalar.properties.isWhitespace {
                self = .space
                return
            }
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
            case .decimalNumber, .letterNumber, .otherNumber: self = .number
            default: self = .other
            }
        }
    }

    /// Composed (NFC), each run of white space as one space, in lower case: each character by itself, so that a final sigma
    /// is like any other.
    static func normalized(_ scalars: some Sequence<Unicode.Scalar>) -> [Unicode.Scalar] {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        let composed = String(decoding: String(text)._nfcCodeUnits, as: UTF8.self)
        var result: [Unicode.Scalar] = []
        var isAfterSpace = false
        for scalar in composed.unicodeScalars {
            let isSpace = scalar.properties.isWhitespace
            if !isSpace {
                result += scalar.properties.lowercaseMapping.unicodeScalars
            } else if !isAfterSpace {
                result.append(" ")
            }
            isAfterSpace = isSpace
        }
        return result
    }

    /// The words of normalized text as UTF-8: an English contraction, a run of letters, one digit, or a run of what is
    /// neither letter, digit nor space.
    ///
    /// The regular expression is `<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`.
    /// What its first two alternatives find is cut again by the expression of GPT-2, which does not have them.
    static func words(in text: ArraySlice<Unicode.Scalar>) -> [[UInt8]] {
        var words: [[UInt8]] = []
        var rest = text
        while let first = rest.first {
            let lengths = lengths(at: rest, first)
            if lengths.isEmpty { rest.removeFirst() }
            for length in lengths {
                words.append(utf8(rest.prefix(length)))
                rest.removeFirst(length)
            }
        }
        return words
    }

    /// Characters in the words that a text begins with; empty if it begins with space.
    private static func lengths(at text: ArraySlice<Unicode.Scalar>, _ first: Unicode.Scalar) -> [Int] {
        for mark in marks where text.starts(with: mark) { return [2, mark.count - 4, 2] }
        for contraction in contractions where text.starts(with: contraction) { return [contraction.count] }
        let kind = Kind(first)
        switch kind {
        case .space: return []
        case .number: return [1]
        case .letter, .other: return [text.prefix { Kind($0) == kind }.count]
        }
    }

    private static let marks = ["<|startoftext|>", "<|endoftext|>"].map { Array($0.unicodeScalars) }
    private static let contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map { Array($0.unicodeScalars) }

    static func utf8(_ scalars: some Sequence<Unicode.Scalar>) -> [UInt8] {
        scalars.flatMap { Array(UTF8.encode($0) ?? UTF8.encodedReplacementCharacter) }
    }
}
