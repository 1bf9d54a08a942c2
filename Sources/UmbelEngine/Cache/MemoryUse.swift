/// Where the process's memory is, in bytes. What is not here is the program itself.
package struct MemoryUse: Hashable, Sendable {
    /// Merged tensors in the cache.
    package var merged = 0
    /// Merged tensors that the cache has let go, or never had room for, and requests still use.
    package var lent = 0
    /// Values of additive patches, kept for other strengths.
    package var deltas = 0
    /// Factors of adapters, widened and folded, held by their bindings.
    package var adapters = 0
    /// Blocks that are kept to be used again.
    package var spare = 0
    /// Packed weights of the networks that draw.
    package var layers = 0
    /// Pages of the bases' files, mapped once for all variants. The kernel may drop them and read them again.
    package var shared = 0

    package init() {}

    /// All but the mapped pages: what the kernel counts as the process's own.
    package var own: Int { merged + lent + deltas + adapters + layers + spare }
    package var total: Int { own + shared }
}
