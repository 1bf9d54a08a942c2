internal import UmbelNames
internal import UmbelTensor

/// One adapter's part in a combination, as far as it is about one group of tensors.
struct PartChange: Sendable {
    /// In the order in which the adapter alone would apply them.
    let patches: [Patch]
    let weight: Double
    /// Among the adapters that are applied, from 0.
    let position: Int

    /// Does every patch add what does not depend on the weight?
    var isAdditive: Bool { patches.allSatisfy { $0.addedDelta != nil } }

    func touches(_ view: TargetView) -> Bool { patches.contains { $0.concerns(view) } }

    /// The differences that are added to exactly this view; nil if anything else happens to it.
    func deltas(on view: TargetView) -> [any Delta]? {
        let own = patches.filter { $0.concerns(view) }
        let deltas = own.filter { $0.view == view }.compactMap(\.addedDelta)
        return deltas.count == own.count ? deltas : nil
    }

    /// ΔW on a view: the adapter's own difference where it is additive, else W'(1) − W of this adapter alone on the
    /// weights as they stand.
    func difference(
        on view: TargetView, from weights: WorkingWeights, pool: ComputePool
    ) throws(MergeError) -> Matrix {
        if let deltas = deltas(on: view) {
            let sum = Matrix(rows: view.rows, columns: view.columns, repeating: 0)
            for delta in deltas {
                try WeightTransform.rows(Addition(delta)).apply(to: sum, strength: 1, pool: pool)
            }
            return sum
        }
        // Added to zeros, a difference loses nothing to the rounding of the sum.
        var alone = weights.copy(of: patches.reduce(view.tensors) { $0.union($1.tensors) }, zeroed: isAdditive)
        for patch in patches { try alone.apply(patch, strength: 1, pool: pool) }
        let after = alone.gathered(view)
        if !isAdditive {
            let before = weights.gathered(view)
            pool.forEachRange(after.count, grain: 1 << 14) { range in
                for index in range { after.start[index] -= before.start[index] }
            }
        }
        return after
    }
}

extension Patch {
    /// The difference of a patch that only adds one.
    var addedDelta: (any Delta)? {
        guard case .transform(.rows(let transform as Addition), _) = change else { return nil }
        return transform.delta
    }

    /// Changes a part of the view: both are of one tensor, for views that share a tensor without being equal are joined.
    func concerns(_ other: TargetView) -> Bool {
        view == other || view.map { $0.overlaps(other) } == true
    }
}

extension TargetView {
    /// Do both cover some row of one tensor?
    func overlaps(_ other: TargetView) -> Bool {
        tensors.intersection(other.tensors).contains { tensor in
            let others = other.rows(of: tensor)
            return rows(of: tensor).contains { range in others.contains { $0.overlaps(range) } }
        }
    }
}
