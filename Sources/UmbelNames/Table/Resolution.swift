/// What became of one stem.
package enum Resolution: Hashable, Sendable {
    case target(Target)
    /// Several targets bear this name. An error only for those who use the stem; it names the modules.
    case ambiguous([String])
    /// Nothing bears this name. `nearest` is the existing stem with the smallest edit distance, if one is close.
    case none(nearest: String?)
}
