/// Cuts a text at the patterns that occur in it, from left to right, the longest first where several begin.
struct PatternSplitter: Sendable {
    /// A stretch of a text.
    enum Piece: Equatable {
        case text(ArraySlice<Unicode.Scalar>)
        /// The index of the pattern.
        case pattern(Int)
    }

    private struct Candidate {
        let scalars: [Unicode.Scalar]
        let index: Int
    }

    private let patterns: [TextPattern]
    /// By the first character, longest first.
    private let candidates: [Unicode.Scalar: [Candidate]]

    /// - Parameter patterns: some of them; the others are not looked for.
    init(_ patterns: [TextPattern], where isWanted: (TextPattern) -> Bool) {
        self.patterns = patterns
        var candidates: [Unicode.Scalar: [Candidate]] = [:]
        for (index, pattern) in patterns.enumerated() where isWanted(pattern) {
            let scalars = Array(pattern.content.unicodeScalars)
            let written = pattern.isNormalized ? CLIPWords.normalized(scalars) : scalars
            guard let first = written.first else { continue }
            candidates[first, default: []].append(Candidate(scalars: written, index: index))
        }
        self.candidates = candidates.mapValues { $0.sorted { $0.scalars.count > $1.scalars.count } }
    }

    func pieces(of text: [Unicode.Scalar]) -> [Piece] {
        guard !candidates.isEmpty else { return text.isEmpty ? [] : [.text(text[...])] }
        var pieces: [Piece] = []
        var start = 0
        var position = 0
        while position < text.count {
            guard let found = candidates[text[position]]?.first(where: { text[position...].starts(with: $0.scalars) })
            else {
                position += 1
                continue
            }
            let place = position..<position + found.scalars.count
            position = place.upperBound
            let pattern = patterns[found.index]
            // One that is part of a word is passed over as a whole.
            guard isAllowed(pattern, at: place, in: text) else { continue }
            let stripped = stripped(pattern, at: place, in: text, from: start)
            if stripped.lowerBound > start { pieces.append(.text(text[start..<stripped.lowerBound])) }
            pieces.append(.pattern(found.index))
            start = stripped.upperBound
            position = max(position, start)
        }
        if start < text.count { pieces.append(.text(text[start...])) }
        return pieces
    }

    private func isAllowed(_ pattern: TextPattern, at place: Range<Int>, in text: [Unicode.Scalar]) -> Bool {
        if pattern.startsWord, place.lowerBound > 0, TextPattern.isWordCharacter(text[place.lowerBound - 1]) {
            return false
        }
        if pattern.endsWord, place.upperBound < text.count, TextPattern.isWordCharacter(text[place.upperBound]) {
            return false
        }
        return true
    }

    private func stripped(
        _ pattern: TextPattern, at place: Range<Int>, in text: [Unicode.Scalar], from start: Int
    ) -> Range<Int> {
        var lower = place.lowerBound
        var upper = place.upperBound
        while pattern.stripsBefore, lower > start, text[lower - 1].properties.isWhitespace { lower -= 1 }
        while pattern.stripsAfter, upper < text.count, text[upper].properties.isWhitespace { upper += 1 }
        return lower..<upper
    }
}
