/// A key of `rank_pattern` or `alpha_pattern`: matches a module path if `(.*\.)?(P)$` does, from its start (PEFT
/// `get_pattern_key`).
///
/// Most keys are module paths without any other metacharacter than the dot, and a converted adapter has one for each of
/// its hundreds of modules; those are compared as they are, from the end.
package struct PEFTPattern: Sendable {
    private enum Matcher {
        /// Bytes of which a dot stands for any; `anchored` if nothing may come before.
        case plain([UInt8], anchored: Bool)
        case expression(BoundedPattern)
    }

    private let matcher: Matcher

    /// - Returns: nil if the pattern is no regular expression, or one that is refused (`BoundedPattern`).
    package init?(_ text: String) {
        let anchored = text.utf8.first == UInt8(ascii: "^")
        let body = Array(text.utf8.dropFirst(anchored ? 1 : 0))
        if body.count <= BoundedPattern.lengthLimit, body.allSatisfy(Self.isPlain) {
            matcher = .plain(body, anchored: anchored)
        } else if let expression = Self.expression(text) {
            matcher = .expression(expression)
        } else {
            return nil
        }
    }

    /// The pattern in its full form; what the comparison of plain ones is held to.
    package static func expression(_ text: String) -> BoundedPattern? { BoundedPattern("(.*\\.)?(\(text))$") }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20)
            || [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains(byte)
    }

    /// How much memory and time the pattern takes, in steps of a matcher.
    var cost: Int {
        switch matcher {
        case .plain(let bytes, _): bytes.count
        case .expression(let expression): expression.steps
        }
    }

    package func matches(_ path: String) -> Bool {
        switch matcher {
        case .expression(let expression): return expression.matchesWhole(path)
        case .plain(let pattern, let anchored):
            let bytes = path.utf8
            guard bytes.count >= pattern.count else { return false }
            let (dot, newLine) = (UInt8(ascii: "."), UInt8(ascii: "\n"))
            let before = bytes.dropLast(pattern.count)
            guard before.isEmpty || (!anchored && before.last == dot && !before.contains(newLine)) else { return false }
            return zip(bytes.suffix(pattern.count), pattern).allSatisfy { $0 == $1 || ($1 == dot && $0 != newLine) }
        }
    }
}
