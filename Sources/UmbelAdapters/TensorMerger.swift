internal import CUmbelKernels
internal import Synchronization
internal import UmbelNames
package import UmbelTensor

/// Computes merged tensors of a plan, one cluster at a time, on all threads of a pool.
///
/// Arithmetic is f32 (f64 for norms and rotations), rounded once at the end. Every element is computed by the same
/// operations in the same order whatever the tiling, so a recipe always gives the same bytes.
package struct TensorMerger: Sendable {
    package let plan: MergePlan
    package let pool: ComputePool
    private let deltas: (any DeltaKeeper)?

    /// - Parameter deltas: what additive patches add may be kept there; nil computes everything anew.
    package init(plan: MergePlan, pool: ComputePool, deltas: (any DeltaKeeper)? = nil) {
        self.plan = plan
        self.pool = pool
        self.deltas = deltas
    }

    /// Computes `tensor` and whatever has to be computed with it.
    ///
    /// - Parameter dtype: the type to round to, from the base's own.
    /// - Precondition: the plan touches `tensor`.
    package func merge(
        _ tensor: Int, as dtype: (DType) -> DType = { $0 }
    ) throws(MergeError) -> [Int: MergedTensor] {
        let cluster = plan.cluster(of: tensor)
        precondition(!cluster.isEmpty)
        if cluster.count == 1, let transforms = rowTransforms(of: tensor) {
            let out = MergedTensor(
                dtype: dtype(plan.base.views[tensor].dtype), shape: plan.shape(of: tensor), pool: pool)
            try mergeInTiles(tensor, transforms, into: out)
            return [tensor: out]
        }
        let weights = try weights(of: cluster, before: plan.steps.count)
        var merged: [Int: MergedTensor] = [:]
        for member in cluster { merged[member] = try store(member, weights, dtype(plan.base.views[member].dtype)) }
        return merged
    }

    /// The changes of a tensor if all of them are independent row by row on the tensor as it lies.
    private func rowTransforms(of tensor: Int) -> [(transform: any RowTransform, strength: Double)]? {
        var found: [(transform: any RowTransform, patch: Int, step: MergePlan.Step)] = []
        for step in plan.steps {
            for (index, patch) in step.binding.patches.enumerated() {
                guard let view = patch.view, patch.touches(tensor) else { continue }
                guard view.wholeTensor == tensor, case .transform(.rows(let transform), _) = patch.change else {
                    return nil
                }
                found.append((transform, index, step))
            }
        }
        return found.map { (withKeptDelta($0.transform, $0.patch, in: $0.step), $0.step.strength) }
    }

    /// The transform with what it adds already written out, where that is kept.
    private func withKeptDelta(
        _ transform: any RowTransform, _ patch: Int, in step: MergePlan.Step
    ) -> any RowTransform {
        guard let deltas, let source = step.binding.source, let delta = (transform as? Addition)?.delta,
            let values = deltas.values(
                of: delta, DeltaKey(source: source, patch: patch), strength: step.strength, pool: pool)
        else { return transform }
        return Addition(DenseDelta(values, scale: delta.scale))
    }

    private func withKeptDelta(_ patch: Patch, _ index: Int, in step: MergePlan.Step) -> Patch {
        guard case .transform(.rows(let transform), let bound) = patch.change, transform is Addition else {
            return patch
        }
        return Patch(patch.view, .transform(.rows(withKeptDelta(transform, index, in: step)), bound: bound))
    }

    /// Widens, changes and rounds tile by tile: the weight passes through the cache once.
    private func mergeInTiles(
        _ tensor: Int, _ transforms: [(transform: any RowTransform, strength: Double)], into out: MergedTensor
    ) throws(MergeError) {
        let view = plan.base.views[tensor]
        let rows = view.shape.first ?? 1
        let columns = rows == 0 ? 0 : view.elementCount / rows
        let group = transforms.reduce(1) { leastCommonMultiple($0, $1.transform.rowGroup) }
        let firstBadRow = Mutex<Int?>(nil)
        pool.forEachRange(rows, grain: TileSize.rows(columns: columns, group: group)) { range in
            let values = Matrix(rows: range.count, columns: columns)
            view.widen(range.lowerBound * columns..<range.upperBound * columns, into: values.start)
            let tile = RowTile(firstRow: range.lowerBound, rows: range.count, columns: columns, start: values.start)
            for (transform, strength) in transforms { transform.apply(to: tile, strength: strength) }
            if !out.store(values.start, at: range.lowerBound * columns, count: values.count) {
                let row = range.lowerBound + badRow(values, out.dtype)
                firstBadRow.withLock { $0 = min($0 ?? row, row) }
            }
        }
        if let row = firstBadRow.withLock({ $0 }) { throw .notFinite(tensor: plan.base.label(tensor), row: row) }
    }

    /// The tensors of a cluster as the first `count` entries of the recipe leave them.
    func weights(of cluster: [Int], before count: Int) throws(MergeError) -> WorkingWeights {
        var weights = WorkingWeights()
        for member in cluster { weights.load(member, plan.base.views[member], pool: pool) }
        let members = Set(cluster)
        for step in plan.steps.prefix(count) {
            for (index, patch) in step.binding.patches.enumerated() where !patch.tensors.isDisjoint(with: members) {
                do {
                    try weights.apply(withKeptDelta(patch, index, in: step), strength: step.strength, pool: pool)
                } catch {
                    throw error.naming(patch.view?.pieces.first.map { plan.base.label($0.tensor) } ?? "")
                }
            }
        }
        return weights
    }

    private func store(_ tensor: Int, _ weights: WorkingWeights, _ dtype: DType) throws(MergeError) -> MergedTensor {
        let out = MergedTensor(dtype: dtype, shape: weights.shapes[tensor] ?? [], pool: pool)
        guard let matrix = weights.matrices[tensor] else { return out }
        let isFinite = Atomic(true)
        pool.forEachRange(matrix.count, grain: 1 << 16) { range in
            if !out.store(matrix.start + range.lowerBound, at: range.lowerBound, count: range.count) {
                isFinite.store(false, ordering: .relaxed)
            }
        }
        guard isFinite.load(ordering: .relaxed) else {
            throw .notFinite(tensor: plan.base.label(tensor), row: badRow(matrix, dtype))
        }
        return out
    }

    /// The first row with a value that the type cannot hold.
    private func badRow(_ matrix: Matrix, _ dtype: DType) -> Int {
        (0..<matrix.rows).first { umbel_all_below(matrix.row($0), dtype.overflowLimit, matrix.columns) == 0 } ?? 0
    }
}

extension Patch {
    /// Does it read or change the tensor? Asked for every patch and tensor, so no set is made.
    fileprivate func touches(_ tensor: Int) -> Bool {
        if let view, view.pieces.contains(where: { $0.tensor == tensor }) { return true }
        return switch change {
        case .derive(let source, _): source.pieces.contains { $0.tensor == tensor }
        case .combined(let combined): combined.tensors.contains(tensor)
        default: false
        }
    }
}

private func leastCommonMultiple(_ a: Int, _ b: Int) -> Int {
    var (x, y) = (a, b)
    while y != 0 { (x, y) = (y, x % y) }
    return x == 0 ? 1 : a / x * b
}

extension MergeError {
    /// The same error with the tensor's name, where the place that found it did not know it.
    fileprivate func naming(_ name: String) -> MergeError {
        switch self {
        case .notFinite(let tensor, let row): .notFinite(tensor: tensor.isEmpty ? name : tensor, row: row)
        case .decomposition(_, let rows, let columns): .decomposition(tensor: name, rows: rows, columns: columns)
        case .shapeChangedBefore: self
        }
    }
}
