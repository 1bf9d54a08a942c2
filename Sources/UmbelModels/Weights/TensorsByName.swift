package import UmbelTensor

/// Tensors by name, with the layers made of them.
package struct TensorsByName: WeightSource {
    private let tensors: [String: TensorView]
    /// Those made of these tensors.
    package let layers = LayerCache()

    package init(_ tensors: [String: TensorView]) {
        self.tensors = tensors
    }

    package var names: [String] { Array(tensors.keys) }

    package func tensor(_ name: String) -> TensorView? { tensors[name] }

    package func layer<Layer: PackedLayer>(
        of tensors: [String], kind: String, _ make: (Packing) throws(ModelError) -> Layer
    ) throws(ModelError) -> Layer {
        try layers.layer(of: tensors, kind: kind, packing: .once, make)
    }
}

/// Some tensors in place of a source's own: a variant's merged ones over its base. Layers without any of them are the base's.
package struct ReplacedTensors: WeightSource {
    private let base: any WeightSource
    private let replaced: [String: TensorView]
    /// Those with a replaced tensor; all others are the base's.
    package let layers = LayerCache()

    package init(_ base: any WeightSource, replacing replaced: [String: TensorView]) {
        self.base = base
        self.replaced = replaced
    }

    package var names: [String] { base.names + replaced.keys.filter { base.tensor($0) == nil } }

    package func tensor(_ name: String) -> TensorView? { replaced[name] ?? base.tensor(name) }

    package func layer<Layer: PackedLayer>(
        of tensors: [String], kind: String, _ make: (Packing) throws(ModelError) -> Layer
    ) throws(ModelError) -> Layer {
        guard tensors.contains(where: { replaced[$0] != nil }) else {
            return try base.layer(of: tensors, kind: kind, make)
        }
        return try layers.layer(of: tensors, kind: kind, packing: .eachUse, make)
    }
}
