/// Text in lines of a limited number of characters.
enum TextLines {
    /// Broken at spaces, within a word only where it has no room in a line of its own; what does not fit in `limit`
    /// lines is cut, and an ellipsis stands for it.
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
            lines.append(String(rest.prefix(columns)))
            rest = rest.dropFirst(columns)
        }
    }
}
