internal import UmbelAdapters
internal import UmbelModels
internal import UmbelNames
internal import UmbelTensor

/// The tensors of a base's components, by the names that its files have, with the layers that are made of them.
final class ComponentWeights: Sendable {
    /// A base that is one file; nil for a folder, whose tensors have diffusers' names.
    let file: SingleFile?
    /// By component as they are stored; "" for a single file.
    private let stored: [String: TensorsByName]
    /// By component, under diffusers' names.
    private let sources: [String: any WeightSource]
    /// Each tensor's component and name.
    private let places: [(component: String, name: String)]

    init(_ base: BaseModel) {
        let tensors = base.weights.catalog.tensors
        places = tensors.map { ($0.component, $0.name) }
        var views: [String: [String: TensorView]] = [:]
        for (index, tensor) in tensors.enumerated() {
            views[tensor.component, default: [:]][tensor.name] = base.weights.views[index]
        }
        let stored = views.mapValues(TensorsByName.init)
        self.stored = stored
        if base.recognition.kind == .singleFile, let whole = stored[""] {
            let file = SingleFile(whole, names: tensors.map(\.name), base.names())
            self.file = file
            sources = file.parts(of: whole)
        } else {
            file = nil
            sources = stored
        }
    }

    /// The base's own tensors of a component; none if there is no such component.
    func source(_ component: String) -> any WeightSource { sources[component] ?? TensorsByName([:]) }

    /// Bytes of the layers that were made of the base's own tensors.
    var packedBytes: Int { stored.values.reduce(0) { $0 + $1.layers.packedBytes } }

    /// Those of a variant: merged ones are merged now, or taken from where they are kept.
    ///
    /// - Returns: weights by component, and where the layers go that the variant has for itself.
    /// - Throws: what merging them throws.
    func sources(
        of variant: Variant, cache: VariantCache
    ) throws(MergeError) -> (sources: [String: any WeightSource], layers: [LayerCache]) {
        var replaced: [String: [String: TensorView]] = [:]
        for tensor in variant.model.plan.touched.sorted() {
            let place = places[tensor]
            replaced[place.component, default: [:]][place.name] = try cache.mergedTensor(tensor, of: variant).view
        }
        var result: [String: any WeightSource] = sources
        var layers: [LayerCache] = []
        for (component, tensors) in replaced {
            let merged = ReplacedTensors(stored[component] ?? TensorsByName([:]), replacing: tensors)
            layers.append(merged.layers)
            if let file {
                result = file.parts(of: merged)
            } else {
                result[component] = merged
            }
        }
        // These have diffusers' names already.
        let additions = Dictionary(grouping: variant.model.plan.additions, by: \.component)
        for (component, additions) in additions {
            let tensors = Dictionary(additions.map { ($0.name, $0.view) }, uniquingKeysWith: { $1 })
            let extended = ReplacedTensors(result[component] ?? TensorsByName([:]), replacing: tensors)
            layers.append(extended.layers)
            result[component] = extended
        }
        return (result, layers)
    }
}
