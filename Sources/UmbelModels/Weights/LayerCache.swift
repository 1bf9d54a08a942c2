internal import Synchronization

/// Layers that were made once, by the names of their tensors.
package final class LayerCache: Sendable {
    private struct Key: Hashable {
        let tensors: [String]
        let kind: String
    }

    private let layers = Mutex<[Key: any AnyObject & Sendable]>([:])

    package init() {}

    package func layer<Layer: AnyObject & Sendable>(
        of tensors: [String], kind: String, _ make: () throws(ModelError) -> Layer
    ) throws(ModelError) -> Layer {
        let key = Key(tensors: tensors, kind: kind)
        if let found = layers.withLock({ $0[key] }) as? Layer { return found }
        // Made outside the lock; who comes second throws away what it made.
        let made = try make()
        return layers.withLock { layers in
            if let found = layers[key] as? Layer { return found }
            layers[key] = made
            return made
        }
    }
}
