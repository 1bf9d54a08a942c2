import UmbelAdapters
import UmbelEngine
import UmbelRegistry
import UmbelTensor

/// A recipe merged as the product does it, with its tensors by label.
package struct MergeResult {
    package let base: BaseModel
    package let plan: MergePlan
    package let touched: [String: MergedTensor]
    package let added: [String: TensorView]

    package static let pool = ComputePool(threads: 2)

    /// Opens, binds and merges.
    package init(
        base path: String, adapters: [(path: String, strength: Double)], prefixes: [String] = [],
        allowsUnmatched: Bool = false, pool: ComputePool = MergeResult.pool
    ) throws {
        let base = try BaseModel(name: "base", path: path)
        try self.init(
            base: base, adapters: adapters, prefixes: prefixes, allowsUnmatched: allowsUnmatched, pool: pool)
    }

    package init(
        base: BaseModel, adapters: [(path: String, strength: Double)], prefixes: [String] = [],
        allowsUnmatched: Bool = false, pool: ComputePool = MergeResult.pool
    ) throws {
        self.base = base
        let names = base.names(prefixes: prefixes.compactMap(Prefix.init))
        var steps: [MergePlan.Step] = []
        for (path, strength) in adapters {
            let binding = Binder.bind(try AdapterFile.open(path), to: base.weights, names: names)
            if let refusal = binding.report.refusal(allowsUnmatched: allowsUnmatched) {
                throw EngineError.binding(refusal, reports: [(base.name, binding.report)])
            }
            steps.append(.init(binding: binding, strength: strength))
        }
        plan = MergePlan(base: base.weights, steps: steps)
        let merger = TensorMerger(plan: plan, pool: pool)
        var touched: [String: MergedTensor] = [:]
        for tensor in plan.touched where touched[base.weights.label(tensor)] == nil {
            for (index, merged) in try merger.merge(tensor) { touched[base.weights.label(index)] = merged }
        }
        self.touched = touched
        added = Dictionary(
            plan.additions.map { ($0.component.isEmpty ? $0.name : "\($0.component)/\($0.name)", $0.view) },
            uniquingKeysWith: { $1 })
    }

    /// The merged, added or untouched tensor of that label.
    package func view(_ label: String) -> TensorView? {
        touched[label]?.view ?? added[label] ?? baseView(label)
    }

    package func baseView(_ label: String) -> TensorView? {
        base.weights.views.indices.first { base.weights.label($0) == label }.map { base.weights.views[$0] }
    }

    /// Labels of tensors whose bytes differ from the base's.
    package var changed: Set<String> {
        Set(
            touched.filter { label, merged in
                guard let before = baseView(label) else { return true }
                return !before.bytes.elementsEqual(merged.bytes)
            }.keys)
    }
}

extension MergedTensor {
    /// A copy of the bytes, which outlives the tensor.
    package var storedBytes: [UInt8] { withExtendedLifetime(self) { Array(bytes) } }
}
