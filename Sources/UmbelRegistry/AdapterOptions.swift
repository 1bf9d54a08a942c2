/// What a caller settled or allowed when an adapter was uploaded.
package struct AdapterOptions: Hashable, Sendable {
    /// What prefixes of the file's names stand for.
    package var prefixes: [Prefix] = []
    /// A part of the adapter may find no place in the base.
    package var allowsUnmatched = false
    /// The base it must fit; nil for the one it fits best.
    package var base: String?
    /// Stored without being checked against any base.
    package var isWithoutBase = false

    package init() {}
}
