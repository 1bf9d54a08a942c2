internal import Synchronization

/// A layer that has its weight in memory of its own, in the order in which products read it.
package protocol PackedLayer: AnyObject, Sendable {
    /// Bytes of that memory: none before the layer is used, and more when it is used for pictures of another size.
    var packedBytes: Int { get }

    /// Bytes of the weight as it was stored, which the layer still holds.
    var storedBytes: Int { get }
}

/// How long a layer keeps its weight packed.
package enum Packing: Hashable, Sendable {
    /// From its first use on: a base's, which all its variants use.
    case once
    /// While it is used: a variant's own. So a drawing with another adapter waits for no packing and touches no fresh memory, and
    /// a variant takes no more than its merged tensors. Packing for each use costs some hundredths of a step.
    case eachUse
}

/// Layers that were made once, by the names of their tensors.
package final class LayerCache: Sendable {
    private struct Key: Hashable {
        let tensors: [String]
        let kind: String
    }

    private let layers = Mutex<[Key: any PackedLayer]>([:])

    package init() {}

    /// Bytes of packed weights that the layers hold now.
    package var packedBytes: Int { all.reduce(0) { $0 + $1.packedBytes } }

    /// Bytes of stored weights that the layers hold now.
    package var storedBytes: Int { all.reduce(0) { $0 + $1.storedBytes } }

    private var all: [any PackedLayer] { layers.withLock { Array($0.values) } }

    /// How many layers there are.
    package var count: Int { layers.withLock { $0.count } }

    package func layer<Layer: PackedLayer>(
        of tensors: [String], kind: String, packing: Packing, _ make: (Packing) throws(ModelError) -> Layer
    ) throws(ModelError) -> Layer {
        let key = Key(tensors: tensors, kind: kind)
        if let found = layers.withLock({ $0[key] }) as? Layer { return found }
        // Made outside the lock; who comes second throws away what it made.
        let made = try make(packing)
        return layers.withLock { layers in
            if let found = layers[key] as? Layer { return found }
            layers[key] = made
            return made
        }
    }
}
