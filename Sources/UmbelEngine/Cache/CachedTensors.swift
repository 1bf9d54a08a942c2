package import UmbelAdapters

/// The tensors of one variant, through the cache.
package struct CachedTensors: MergedTensorSource {
    private let cache: VariantCache
    private let variant: Variant

    package init(cache: VariantCache, variant: Variant) {
        self.cache = cache
        self.variant = variant
    }

    package func tensor(_ index: Int, of model: MergedModel) throws -> MergedTensor {
        try cache.mergedTensor(index, of: variant)
    }

    package func isReady(_ index: Int, of model: MergedModel) -> Bool { cache.holds(index, of: variant.id) }

    package var readAhead: ReadAhead { cache.readAhead }
}
