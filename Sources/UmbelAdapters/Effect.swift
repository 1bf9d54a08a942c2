internal import UmbelNames
package import UmbelTensor

/// What one module of an adapter does to the base at strength 1, in numbers.
package struct ModuleEffect: Sendable {
    package let stem: String
    package let module: String
    /// ‖W‖ and ‖W' − W‖ of the weight (Frobenius).
    package let baseNorm: Double
    package let changeNorm: Double

    /// ‖ΔW‖ / ‖W‖; nil for a weight that is all zeros.
    package var relativeChange: Double? { baseNorm > 0 ? changeNorm / baseNorm : nil }
}

/// Runs the modules of a binding on the untouched base, to say what they do or whether they overflow.
package struct EffectMeter {
    private let binding: Binding
    private let base: BaseWeights
    private let pool: ComputePool

    package init(binding: Binding, base: BaseWeights, pool: ComputePool) {
        self.binding = binding
        self.base = base
        self.pool = pool
    }

    /// The effect of every matched module that changes a weight.
    ///
    /// - Throws: `MergeError` for the first module whose result is not finite.
    package func effects() throws(MergeError) -> [ModuleEffect] {
        var effects: [ModuleEffect] = []
        for match in binding.report.matches {
            guard let view = match.patches.lazy.compactMap({ binding.patches[$0].view }).first else { continue }
            let (before, after) = try run(match, view, as: { _ in .f32 })
            let baseNorm = before.norm
            for index in 0..<before.count { before.start[index] = after.start[index] - before.start[index] }
            effects.append(
                ModuleEffect(stem: match.stem, module: match.module, baseNorm: baseNorm, changeNorm: before.norm))
        }
        return effects
    }

    /// Runs only the modules whose change cannot be bounded from their factors.
    ///
    /// - Throws: `MergeError` if one gives a value that the base's type cannot hold.
    package func checkFinite() throws(MergeError) {
        for match in binding.report.matches {
            let doubtful = match.patches.contains { mayOverflow(binding.patches[$0]) }
            guard doubtful, let view = match.patches.lazy.compactMap({ binding.patches[$0].view }).first else {
                continue
            }
            _ = try run(match, view, as: { $0 })
        }
    }

    private func mayOverflow(_ patch: Patch) -> Bool {
        guard case .transform(_, let bound) = patch.change, let view = patch.view else { return false }
        guard let bound else { return true }
        return view.tensors.contains { tensor in
            let stored = base.views[tensor]
            // Half of the range is left to the weight itself.
            let room = Double(min(stored.dtype.overflowLimit, .greatestFiniteMagnitude)) / 2 - bound.absolute
            guard room > 0 else { return true }
            return bound.relative > 0 && !stored.isBelow(Float(room / bound.relative), pool: pool)
        }
    }

    private func run(
        _ match: BindingReport.Match, _ view: TargetView, as dtype: (DType) -> DType
    ) throws(MergeError) -> (before: Matrix, after: Matrix) {
        let changes = match.patches.map { binding.patches[$0] }.filter { $0.view?.tensors == view.tensors }
        let single = Binding(patches: changes, report: BindingReport())
        let plan = MergePlan(base: base, steps: [.init(binding: single, strength: 1)])
        let merger = TensorMerger(plan: plan, pool: pool)
        var before = WorkingWeights()
        var after = WorkingWeights()
        for tensor in view.tensors {
            before.load(tensor, base.views[tensor])
            guard let merged = try merger.merge(tensor, as: dtype)[tensor] else { continue }
            after.load(tensor, merged.view)
        }
        let isResized = view.tensors.contains { before.shapes[$0] != after.shapes[$0] }
        // Rows that the base lacks have nothing to be compared with.
        return isResized
            ? (Matrix(rows: 0, columns: 0), Matrix(rows: 0, columns: 0)) : (before.gathered(view), after.gathered(view))
    }
}
