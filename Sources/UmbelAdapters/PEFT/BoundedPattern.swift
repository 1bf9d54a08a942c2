/// A regular expression as PEFT's settings use them, matched in time proportional to its length times the text's.
///
/// Settings come with uploads, and a backtracking matcher can be kept busy for ever by a pattern such as `(.*)*x`. This one
/// follows all states at once (K. Thompson, 1968). It knows literals, `.`, `\d \w \s` and their opposites, classes, groups,
/// `|`, `* + ? {m,n}` (lazy ones mean the same here), `^` and `$`; what needs memory of the text (back references,
/// look-around) is refused.
package struct BoundedPattern: Sendable {
    /// Longest pattern in bytes, and the most steps it may have once counted repeats are written out.
    package static let lengthLimit = 512
    package static let stepLimit = 4096

    private let program: [Step]

    /// How many steps the pattern was written out to.
    var steps: Int { program.count }

    fileprivate enum Step: Sendable {
        case unit(ByteSet)
        case split(Int, Int)
        case jump(Int)
        case atStart
        case atEnd
        case match
    }

    /// - Returns: nil if the pattern is malformed, too long, or of a kind that is refused.
    package init?(_ pattern: String) {
        guard pattern.utf8.count <= Self.lengthLimit, var compiler = Compiler(pattern) else { return nil }
        guard let program = compiler.compile() else { return nil }
        self.program = program
    }

    /// Does the pattern match the whole text?
    package func matchesWhole(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        var current = closure(of: [0], at: 0, in: bytes)
        for (position, byte) in bytes.enumerated() {
            var next: [Int] = []
            for state in current {
                if case .unit(let set) = program[state], set.contains(byte) { next.append(state + 1) }
            }
            if next.isEmpty { return false }
            current = closure(of: next, at: position + 1, in: bytes)
        }
        return current.contains { if case .match = program[$0] { true } else { false } }
    }

    /// The states that can be reached without reading a byte, each once.
    private func closure(of states: [Int], at position: Int, in text: [UInt8]) -> [Int] {
        var seen = [Bool](repeating: false, count: program.count)
        var pending = states
        var result: [Int] = []
        while let state = pending.popLast() {
            if seen[state] { continue }
            seen[state] = true
            switch program[state] {
            case .unit, .match: result.append(state)
            case .jump(let target): pending.append(target)
            case .split(let first, let second): pending += [first, second]
            case .atStart: if position == 0 { pending.append(state + 1) }
            case .atEnd: if position == text.count { pending.append(state + 1) }
            }
        }
        return result
    }
}

/// Which bytes a single place in a pattern takes.
private struct ByteSet: Sendable {
    private var members = [Bool](repeating: false, count: 256)

    static let any = ByteSet { $0 != UInt8(ascii: "\n") }
    static let digits = ByteSet { (0x30...0x39).contains($0) }
    static let words = ByteSet {
        (0x30...0x39).contains($0) || (0x61...0x7a).contains($0 | 0x20) || $0 == 0x5f || $0 >= 0x80
    }
    static let spaces = ByteSet { [0x20, 0x09, 0x0a, 0x0b, 0x0c, 0x0d].contains($0) }

    init(_ isMember: (UInt8) -> Bool) {
        for byte in UInt8.min...UInt8.max { members[Int(byte)] = isMember(byte) }
    }

    func contains(_ byte: UInt8) -> Bool { members[Int(byte)] }

    var inverted: ByteSet { ByteSet { !contains($0) } }

    mutating func formUnion(_ other: ByteSet) {
        for byte in 0..<256 where other.members[byte] { members[byte] = true }
    }

    mutating func insert(_ range: ClosedRange<UInt8>) {
        for byte in range { members[Int(byte)] = true }
    }

    /// The class behind a backslash; nil if the letter names none.
    init?(escape: UInt8) {
        switch escape {
        case UInt8(ascii: "d"): self = .digits
        case UInt8(ascii: "D"): self = Self.digits.inverted
        case UInt8(ascii: "w"): self = .words
        case UInt8(ascii: "W"): self = Self.words.inverted
        case UInt8(ascii: "s"): self = .spaces
        case UInt8(ascii: "S"): self = Self.spaces.inverted
        default: return nil
        }
    }
}

/// Reads a pattern and writes it as steps. Every method returns nil for what is malformed or refused.
private struct Compiler {
    private typealias Steps = [BoundedPattern.Step]

    private let pattern: [UInt8]
    private var position = 0

    init?(_ pattern: String) {
        self.pattern = Array(pattern.utf8)
    }

    mutating func compile() -> [BoundedPattern.Step]? {
        guard let steps = alternatives(depth: 32), position == pattern.count else { return nil }
        return steps + [.match]
    }

    private var next: UInt8? { position < pattern.count ? pattern[position] : nil }

    private mutating func take(_ character: Character) -> Bool {
        guard let next, Character(Unicode.Scalar(next)) == character else { return false }
        position += 1
        return true
    }

    private mutating func alternatives(depth: Int) -> Steps? {
        guard depth > 0, let first = sequence(depth: depth) else { return nil }
        var steps = first
        while take("|") {
            guard let other = sequence(depth: depth) else { return nil }
            // split → either branch; the first jumps over the second.
            let shifted = Self.moved(steps, by: 1)
            steps =
                [.split(1, shifted.count + 2)] + shifted + [.jump(shifted.count + 2 + other.count)]
                + Self.moved(other, by: shifted.count + 2)
            if steps.count > BoundedPattern.stepLimit { return nil }
        }
        return steps
    }

    private mutating func sequence(depth: Int) -> Steps? {
        var steps: Steps = []
        while let next, next != UInt8(ascii: "|"), next != UInt8(ascii: ")") {
            guard let atom = atom(depth: depth), let repeated = repetition(of: atom) else { return nil }
            steps += Self.moved(repeated, by: steps.count)
            if steps.count > BoundedPattern.stepLimit { return nil }
        }
        return steps
    }

    private mutating func atom(depth: Int) -> Steps? {
        guard let byte = next else { return nil }
        position += 1
        switch byte {
        case UInt8(ascii: "("): return group(depth: depth)
        case UInt8(ascii: "["): return characterClass().map { [.unit($0)] }
        case UInt8(ascii: "."): return [.unit(.any)]
        case UInt8(ascii: "^"): return [.atStart]
        case UInt8(ascii: "$"): return [.atEnd]
        case UInt8(ascii: "\\"): return escape().map { [.unit($0)] }
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"): return nil
        default:
            var steps: Steps = [.unit(ByteSet { $0 == byte })]
            // A character of several bytes is one place for the quantifier behind it.
            while byte >= 0xc0, let following = next, following & 0xc0 == 0x80 {
                position += 1
                steps.append(.unit(ByteSet { $0 == following }))
            }
            return steps
        }
    }

    private mutating func group(depth: Int) -> Steps? {
        // Of the extensions only the group that is not remembered; names and looking around are refused.
        if take("?"), !take(":") { return nil }
        guard let steps = alternatives(depth: depth - 1), take(")") else { return nil }
        return steps
    }

    private mutating func escape() -> ByteSet? {
        guard let byte = next else { return nil }
        position += 1
        if let set = ByteSet(escape: byte) { return set }
        // A letter or digit that names no class means something else in a full engine.
        guard !ByteSet.words.contains(byte) || byte == UInt8(ascii: "_") else { return nil }
        return ByteSet { $0 == byte }
    }

    private mutating func characterClass() -> ByteSet? {
        let isInverted = take("^")
        var set = ByteSet { _ in false }
        var isFirst = true
        while let byte = next, isFirst || byte != UInt8(ascii: "]") {
            isFirst = false
            position += 1
            if byte == UInt8(ascii: "\\") {
                guard let escaped = escape() else { return nil }
                set.formUnion(escaped)
            } else if next == UInt8(ascii: "-"), position + 1 < pattern.count,
                pattern[position + 1] != UInt8(ascii: "]")
            {
                let last = pattern[position + 1]
                guard byte <= last, last != UInt8(ascii: "\\") else { return nil }
                position += 2
                set.insert(byte...last)
            } else {
                set.insert(byte...byte)
            }
        }
        guard take("]") else { return nil }
        return isInverted ? set.inverted : set
    }

    private mutating func repetition(of atom: Steps) -> Steps? {
        var steps = atom
        if take("*") {
            steps = Self.any(atom)
        } else if take("+") {
            steps = atom + Self.moved(Self.any(atom), by: atom.count)
        } else if take("?") {
            steps = Self.optional(atom)
        } else if next == UInt8(ascii: "{") {
            guard let counted = counted(atom) else { return nil }
            steps = counted
        } else {
            return steps
        }
        _ = take("?")
        // A second quantifier on the same place is an error in every dialect.
        guard next != UInt8(ascii: "*"), next != UInt8(ascii: "+"), steps.count <= BoundedPattern.stepLimit else {
            return nil
        }
        return steps
    }

    private static func any(_ steps: Steps) -> Steps {
        [.split(1, steps.count + 2)] + moved(steps, by: 1) + [.jump(0)]
    }

    private static func optional(_ steps: Steps) -> Steps {
        [.split(1, steps.count + 1)] + moved(steps, by: 1)
    }

    /// `{m}`, `{m,}` and `{m,n}`, written out.
    private mutating func counted(_ atom: Steps) -> Steps? {
        position += 1
        guard let least = number() else { return nil }
        var most: Int? = least
        if take(",") { most = next == UInt8(ascii: "}") ? nil : number() ?? -1 }
        guard take("}"), least <= 256, most.map({ $0 >= least && $0 <= 256 }) ?? true else { return nil }
        guard atom.count * max(least, most ?? 1) <= BoundedPattern.stepLimit else { return nil }
        var steps: Steps = []
        for _ in 0..<least { steps += Self.moved(atom, by: steps.count) }
        guard let most else { return steps + Self.moved(Self.any(atom), by: steps.count) }
        for _ in least..<most { steps += Self.moved(Self.optional(atom), by: steps.count) }
        return steps
    }

    private mutating func number() -> Int? {
        let start = position
        while let next, ByteSet.digits.contains(next), position - start < 4 { position += 1 }
        return Int(String(decoding: pattern[start..<position], as: UTF8.self))
    }

    /// Targets are counted from the start of their steps, so they move with them.
    private static func moved(_ steps: Steps, by offset: Int) -> Steps {
        steps.map { step in
            switch step {
            case .split(let first, let second): .split(first + offset, second + offset)
            case .jump(let target): .jump(target + offset)
            default: step
            }
        }
    }
}
