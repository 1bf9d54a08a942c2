/// A key of `rank_pattern` or `alpha_pattern`: matches a module path if `(.*\.)?(P)$` does, from its start (PEFT
/// `get_pattern_key`).
package struct PEFTPattern: @unchecked Sendable {
    // Sendable: a compiled Regex is never changed.
    private enum Matcher {
        /// No metacharacter but the dot, which stands for any character.
        case plain([UInt8], anchored: Bool)
        case expression(Regex<AnyRegexOutput>)
    }

    private let matcher: Matcher

    /// Longest pattern accepted, in bytes: real ones are module paths.
    package static let lengthLimit = 512

    /// - Returns: nil if the pattern is too long or no regular expression.
    package init?(_ pattern: String) {
        guard pattern.utf8.count <= Self.lengthLimit else { return nil }
        let anchored = pattern.hasPrefix("^")
        let body = anchored ? String(pattern.dropFirst()) : pattern
        let isPlain = body.utf8.allSatisfy { byte in
            byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
                || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
                || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"))
        }
        if isPlain {
            matcher = .plain(Array(body.utf8), anchored: anchored)
        } else if let expression = try? Regex("(.*\\.)?(\(pattern))$") {
            // No reason is lost: the caller reports the pattern itself.
            matcher = .expression(expression)
        } else {
            return nil
        }
    }

    package func matches(_ path: String) -> Bool {
        switch matcher {
        case .expression(let expression): return path.prefixMatch(of: expression) != nil
        case .plain(let pattern, let anchored):
            let bytes = Array(path.utf8)
            guard bytes.count >= pattern.count else { return false }
            let start = bytes.count - pattern.count
            guard start == 0 || (!anchored && bytes[start - 1] == UInt8(ascii: ".")) else { return false }
            return zip(bytes[start...], pattern).allSatisfy { $1 == UInt8(ascii: ".") || $0 == $1 }
        }
    }
}
