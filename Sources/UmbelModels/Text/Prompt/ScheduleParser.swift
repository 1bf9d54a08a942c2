/// Reads a schedule's syntax from left to right.
///
///     schedule: (group | plain | space | "[" | "]" | "(" | ")" | ":")*
///     group:    "(" texts ")"  |  "(" texts ":" texts ")"  |  "[" texts "]"
///             | "[" [texts ":"] texts ":" number "]"  |  "[" texts ("|" texts)+ "]"
///     texts:    (group | plain | space)*
///     plain:    (any character but \ [ ] ( ) : |,  or \ with the character after it)+
///
/// A bracket that begins no group is a character. `|` outside of a group, or a `\` at the end, has no reading.
struct ScheduleParser {
    /// Groups within groups; what lies deeper is no group.
    private static let depthLimit = 64
    private static let marks: Set<Unicode.Scalar> = ["[", "]", "(", ")", ":", "|"]

    private let text: [Unicode.Scalar]
    private var position = 0
    private var depth = 0
    /// Where a bracket was found to begin no group, so that nothing is tried twice.
    private var failures: Set<Int> = []

    init(_ prompt: String) {
        text = Array(prompt.unicodeScalars)
    }

    /// nil if there is no reading.
    mutating func parse() -> [ScheduleTree.Node]? {
        var nodes: [ScheduleTree.Node] = []
        while position < text.count {
            nodes += texts()
            guard position < text.count else { break }
            guard text[position] != "|", text[position] != "\\" else { return nil }
            nodes.append(.text(String(text[position])))
            position += 1
        }
        return nodes
    }

    private mutating func texts() -> [ScheduleTree.Node] {
        var nodes: [ScheduleTree.Node] = []
        while position < text.count {
            if let plain = plain() {
                nodes.append(.text(plain))
            } else if let group = group() {
                nodes += group
            } else {
                break
            }
        }
        return nodes
    }

    private mutating func plain() -> String? {
        let start = position
        while position < text.count, !Self.marks.contains(text[position]) {
            if text[position] == "\\" {
                guard position + 1 < text.count, text[position + 1] != "\n" else { break }
                position += 1
            }
            position += 1
        }
        return position > start ? String(scalars: text[start..<position]) : nil
    }

    /// The group that begins here; nil, and nothing read, if there is none.
    private mutating func group() -> [ScheduleTree.Node]? {
        let start = position
        let open = text[start]
        guard open == "(" || open == "[", depth < Self.depthLimit, !failures.contains(start) else { return nil }
        depth += 1
        position += 1
        let found = open == "(" ? rest(ofRound: texts()) : rest(ofSquare: texts())
        depth -= 1
        if found == nil {
            position = start
            failures.insert(start)
        }
        return found
    }

    private mutating func rest(ofRound first: [ScheduleTree.Node]) -> [ScheduleTree.Node]? {
        if take(")") { return [.text("(")] + first + [.text(")")] }
        guard take(":") else { return nil }
        let second = texts()
        return take(")") ? [.text("(")] + first + [.text(":")] + second + [.text(")")] : nil
    }

    private mutating func rest(ofSquare first: [ScheduleTree.Node]) -> [ScheduleTree.Node]? {
        if take("]") { return [.text("[")] + first + [.text("]")] }
        var parts = [first]
        if position < text.count, text[position] == "|" {
            while take("|") { parts.append(texts()) }
            return take("]") ? [.turns(parts)] : nil
        }
        while parts.count < 3, take(":") {
            if let when = number() {
                let before = parts.count == 2 ? parts[0] : []
                return [.change(before: before, after: parts[parts.count - 1], when: when)]
            }
            parts.append(texts())
        }
        return nil
    }

    /// A number with its closing bracket; nil, and nothing read, if there is none.
    private mutating func number() -> StepPosition? {
        let start = position
        skipSpace()
        let first = position
        while position < text.count, "+-.0123456789".unicodeScalars.contains(text[position]) { position += 1 }
        let when = StepPosition(String(scalars: text[first..<position]))
        skipSpace()
        if let when, take("]") { return when }
        position = start
        return nil
    }

    private mutating func skipSpace() {
        while position < text.count, text[position].properties.isWhitespace { position += 1 }
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard position < text.count, text[position] == scalar else { return false }
        position += 1
        return true
    }
}
