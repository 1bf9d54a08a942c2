/// A key of `rank_pattern` or `alpha_pattern`: matches a module path if `(.*\.)?(P)$` does, from its start (PEFT
/// `get_pattern_key`).
package struct PEFTPattern: Sendable {
    private let pattern: BoundedPattern

    /// - Returns: nil if the pattern is no regular expression, or one that is refused (`BoundedPattern`).
    package init?(_ text: String) {
        guard let pattern = BoundedPattern("(.*\\.)?(\(text))$") else { return nil }
        self.pattern = pattern
    }

    package func matches(_ path: String) -> Bool { pattern.matchesWhole(path) }
}
