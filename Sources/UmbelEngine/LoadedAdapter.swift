internal import Synchronization
package import UmbelAdapters
package import UmbelModels
package import UmbelRegistry
package import UmbelTensor

/// An adapter's content, parsed and mapped, with its bindings to the bases it was used on. Immutable but for that memory.
package final class LoadedAdapter: Sendable {
    package let digest: String
    package let adapter: Adapter
    private let bindings = Mutex<[String: Binding]>([:])
    private let effects = Mutex<[String: [ModuleEffect]]>([:])
    private let embeddings = Mutex<[Result<TextualInversion, ModelError>]?>(nil)

    package init(digest: String, adapter: Adapter) {
        self.digest = digest
        self.adapter = adapter
    }

    /// The adapter fitted to a base; worked out at first use, on the threads of `pool` if there is one.
    package func binding(to base: BaseModel, prefixes: [Prefix], pool: ComputePool? = nil) -> Binding {
        let key = Self.key(base, prefixes)
        if let known = bindings.withLock({ $0[key] }) { return known }
        var binding = Binder.bind(adapter, to: base.weights, names: base.names(prefixes: prefixes), pool: pool)
        // A base's name means one content as long as the process lives.
        binding.source = digest + "\n" + key
        bindings.withLock { $0[key] = binding }
        return binding
    }

    /// What each module does to the base; computed at first use, which runs every module once.
    package func effects(
        on base: BaseModel, prefixes: [Prefix], compute: (Binding) throws(MergeError) -> [ModuleEffect]
    ) throws(MergeError) -> [ModuleEffect] {
        let key = Self.key(base, prefixes)
        if let known = effects.withLock({ $0[key] }) { return known }
        let computed = try compute(binding(to: base, prefixes: prefixes))
        effects.withLock { $0[key] = computed }
        return computed
    }

    /// Its textual inversions, read at first use, or why one cannot be.
    ///
    /// - Parameter name: of a file of one, which has none of its own.
    package func embeddings(called name: String) -> [Result<TextualInversion, ModelError>] {
        let read = embeddings.withLock { known in
            let read =
                known
                ?? adapter.embeddings.map { embedding in
                    Result { () throws(ModelError) in
                        try TextualInversion(embedding.tensors, name: embedding.name ?? "", token: embedding.token)
                    }
                }
            known = read
            return read
        }
        return read.map { $0.map { $0.name.isEmpty ? $0.called(name) : $0 } }
    }

    /// Lets go of the bindings that nobody else holds; they are worked out anew when they are next asked for.
    func forgetIdleBindings() {
        bindings.withLock { bindings in
            for key in Array(bindings.keys) {
                guard var binding = bindings.removeValue(forKey: key), !binding.hasOneHolder() else { continue }
                bindings[key] = binding
            }
        }
    }

    private static func key(_ base: BaseModel, _ prefixes: [Prefix]) -> String {
        ([base.name] + prefixes.map(\.text)).joined(separator: "\n")
    }
}
