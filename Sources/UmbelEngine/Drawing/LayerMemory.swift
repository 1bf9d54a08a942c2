/// What the layers of a base that draws take, in bytes.
package struct LayerMemory: Hashable, Sendable {
    package struct Owned: Hashable, Sendable {
        /// The variant's id.
        package let id: String
        package let bytes: Int

        package init(id: String, bytes: Int) {
            (self.id, self.bytes) = (id, bytes)
        }
    }

    package let base: String
    /// Packed weights that no adapter touches, and those of the base alone: the same for all variants.
    package let shared: Int
    /// Merged tensors that the layers of each variant hold, the one that drew last at the end. They are the cache's as well, or lent.
    package let variants: [Owned]

    package init(base: String, shared: Int, variants: [Owned]) {
        (self.base, self.shared, self.variants) = (base, shared, variants)
    }
}
