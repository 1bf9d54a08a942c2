/// Text in lines of a limited number of characters.
enum TextLines {
    /// Broken at spaces, behind a sign or within a word only where it has no room in a line of its own; what does not
    /// fit in `limit` lines is cut, and an ellipsis stands for it.
    ///
    /// - Precondition: room for a character.
    static func wrapped(_ text: String, columns: Int, limit: Int) -> [String] {
        precondition(columns > 0 && limit > 0)
        var lines: [String] = []
        for word in text.split(whereSeparator: \.isWhitespace) {
            // One line more than fit tells that something is left.
            if lines.count > limit { break }
            append(word, to: &lines, columns)
        }
        guard lines.count > limit else { return lines }
        lines.removeLast(lines.count - limit)
        lines[limit - 1] = String(lines[limit - 1].prefix(columns - 1)) + "…"
        return lines
    }

    private static func append(_ word: Substring, to lines: inout [String], _ columns: Int) {
        if let last = lines.last, last.count + 1 + word.count <= columns {
            lines[lines.count - 1] += " " + word
            return
        }
        var rest = word
        while !rest.isEmpty {
            let part = beginning(of: rest, columns)
            lines.append(String(part))
            rest = rest[part.endIndex...]
        }
    }

    /// What comes into a line of a word: all of it, else up to the last sign, else what there is room for.
    private static func beginning(of word: Substring, _ columns: Int) -> Substring {
        let part = word.prefix(columns)
        guard part.endIndex < word.endIndex, let sign = part.lastIndex(where: signs.contains) else { return part }
        return part[...sign]
    }

    /// Those that part the names of a model reference: `shapes-sd+ink:0.8` is broken behind them.
    private static let signs: Set<Character> = ["+", "-", ":", ",", ";", "/", "_", "@"]
}
