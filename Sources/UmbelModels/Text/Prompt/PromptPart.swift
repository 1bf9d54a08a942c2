/// A stretch of a prompt with one weight, or the place where a new chunk begins.
package enum PromptPart: Hashable, Sendable {
    case text(String, weight: Double)
    /// `BREAK`
    case chunkBreak
}

extension PromptPart {
    /// The parts of a prompt in the attention syntax of the Stable Diffusion web UI. Every text has a reading.
    ///
    /// `(a)` weighs 1.1, `[a]` 1/1.1, `(a:1.3)` 1.3; brackets multiply. `\(`, `\)`, `\[`, `\]`, `\\` are the characters
    /// themselves. An opening bracket without its closing one weighs everything after it; a closing one without its opening
    /// one, and a number that is none, are text. `BREAK` as a word ends a chunk, within brackets too. Neighbours of equal weight
    /// are one part.
    package static func parse(_ prompt: String) -> [PromptPart] {
        var reading = AttentionReading()
        var lexer = AttentionLexer(prompt)
        while let token = lexer.next() { reading.take(token) }
        return reading.parts()
    }
}

/// What has been read of a prompt, and the brackets that are open.
private struct AttentionReading {
    private static let emphasis = 1.1

    /// The texts so far, and nil for each end of a chunk.
    private var found: [String?] = []
    private var weights: [Double] = []
    /// For each open bracket, how much came before it.
    private var round: [Int] = []
    private var square: [Int] = []

    mutating func take(_ token: AttentionLexer.Token) {
        switch token {
        case .text(let text): append(text)
        case .openRound: round.append(found.count)
        case .openSquare: square.append(found.count)
        case .closeRound: close(round.popLast(), by: Self.emphasis, orText: ")")
        case .closeSquare: close(square.popLast(), by: 1 / Self.emphasis, orText: "]")
        case .weight(let weight, let text): close(round.popLast(), by: weight, orText: text)
        }
    }

    private mutating func close(_ start: Int?, by factor: Double, orText text: String) {
        if let start {
            multiply(from: start, by: factor)
        } else {
            append(text)
        }
    }

    private mutating func multiply(from start: Int, by factor: Double) {
        for index in start..<weights.count { weights[index] *= factor }
    }

    private mutating func append(_ text: String) {
        for (index, piece) in BreakWord.pieces(of: text).enumerated() {
            if index > 0 { append(nil, weight: 1) }
            append(piece, weight: 1)
        }
    }

    private mutating func append(_ piece: String?, weight: Double) {
        found.append(piece)
        weights.append(weight)
    }

    /// What was read, when nothing more comes.
    mutating func parts() -> [PromptPart] {
        for start in round { multiply(from: start, by: Self.emphasis) }
        for start in square { multiply(from: start, by: 1 / Self.emphasis) }
        var joined: [(text: String?, weight: Double)] = []
        for (piece, weight) in zip(found, weights) {
            if let piece, let last = joined.last, last.text != nil, last.weight == weight {
                // In place, so that many pieces cost no more than their characters.
                joined[joined.count - 1].text?.append(piece)
            } else {
                joined.append((piece, weight))
            }
        }
        return joined.map { part in part.text.map { .text($0, weight: part.weight) } ?? .chunkBreak }
    }
}

/// The word that ends a chunk.
private enum BreakWord {
    private static let word = Array("BREAK".unicodeScalars)

    /// The text between the words, without the white space beside them.
    static func pieces(of text: String) -> [String] {
        let scalars = Array(text.unicodeScalars)
        var pieces: [String] = []
        var start = 0
        var position = 0
        while position < scalars.count {
            guard isBreak(scalars, at: position) else {
                position += 1
                continue
            }
            var end = position
            while end > start, scalars[end - 1].properties.isWhitespace { end -= 1 }
            pieces.append(String(scalars: scalars[start..<end]))
            position += word.count
            while position < scalars.count, scalars[position].properties.isWhitespace { position += 1 }
            start = position
        }
        return pieces + [String(scalars: scalars[start...])]
    }

    private static func isBreak(_ text: [Unicode.Scalar], at position: Int) -> Bool {
        let end = position + word.count
        guard text[position...].starts(with: word) else { return false }
        return !(position > 0 && TextPattern.isWordCharacter(text[position - 1]))
            && !(end < text.count && TextPattern.isWordCharacter(text[end]))
    }
}
