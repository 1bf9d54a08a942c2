internal import UmbelAdapters
internal import UmbelModels
internal import UmbelNames
internal import UmbelTensor

/// The tensors of a base's components, by the names that its files have, with the layers that are made of them.
final class ComponentWeights: Sendable {
    private let base: BaseModel
    /// By component; "" for a single file.
    private let sources: [String: TensorsByName]
    /// Each tensor's component and name.
    private let places: [(component: String, name: String)]

    init(_ base: BaseModel) {
        self.base = base
        let tensors = base.weights.catalog.tensors
        places = tensors.map { ($0.component, $0.name) }
        var views: [String: [String: TensorView]] = [:]
        for (index, tensor) in tensors.enumerated() {
            views[tensor.component, default: [:]][tensor.name] = base.weights.views[index]
        }
        sources = views.mapValues(TensorsByName.init)
    }

    /// The base's own tensors of a component; none if there is no such component.
    func source(_ component: String) -> any WeightSource { sources[component] ?? TensorsByName([:]) }

    /// Bytes of the layers that were made of the base's own tensors.
    var packedBytes: Int { sources.values.reduce(0) { $0 + $1.layers.packedBytes } }

    /// Those of a variant: merged ones are merged now, or taken from where they are kept.
    ///
    /// - Throws: what merging them throws.
    func sources(of variant: Variant, cache: VariantCache) throws(MergeError) -> [String: any WeightSource] {
        var replaced: [String: [String: TensorView]] = [:]
        for tensor in variant.model.plan.touched.sorted() {
            let place = places[tensor]
            replaced[place.component, default: [:]][place.name] = try cache.mergedTensor(tensor, of: variant).view
        }
        for addition in variant.model.plan.additions {
            replaced[addition.component, default: [:]][addition.name] = addition.view
        }
        var result: [String: any WeightSource] = sources
        for (component, tensors) in replaced {
            result[component] = ReplacedTensors(source(component), replacing: tensors)
        }
        return result
    }
}
