internal import CUmbelKernels
internal import Synchronization
internal import UmbelNames
package import UmbelTensor

/// Computes merged tensors of a plan, one cluster at a time, on all threads of a pool.
///
/// Arithmetic is f32 (f64 for rotations and all but the first sums of norms), rounded once at the end. Every element is computed by the same
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
        if cluster.count == 1, let changes = streamedChanges(of: tensor) {
            let out = MergedTensor(
                dtype: dtype(plan.base.views[tensor].dtype), shape: plan.shape(of: tensor), pool: pool)
            switch changes {
            case .rows(let changes): try mergeRows(tensor, changes, into: out)
            case .columns(let transform, let strength): try mergeColumns(tensor, transform, strength, into: out)
            }
            return [tensor: out]
        }
        let weights = try weights(of: cluster, before: plan.steps.count)
        var merged: [Int: MergedTensor] = [:]
        for member in cluster { merged[member] = try store(member, weights, dtype(plan.base.views[member].dtype)) }
        return merged
    }

    /// Changes that need no copy of the whole weight.
    private enum StreamedChanges {
        case rows([(transform: any StreamedTransform, strength: Double)])
        case columns(any ColumnTransform, strength: Double)
    }

    /// The changes of a tensor if they can be made row by row, or column by column, on the tensor as it lies.
    private func streamedChanges(of tensor: Int) -> StreamedChanges? {
        var found: [(transform: WeightTransform, patch: Int, step: MergePlan.Step)] = []
        for place in plan.patches(of: tensor) {
            let step = plan.steps[place.step]
            let patch = step.binding.patches[place.patch]
            guard let view = patch.view, view.wholeTensor == tensor, case .transform(let transform, _) = patch.change
            else { return nil }
            found.append((transform, place.patch, step))
        }
        if found.count == 1, case .matrix(let transform) = found[0].transform,
            let transform = transform as? any ColumnTransform
        {
            return .columns(transform, strength: found[0].step.strength)
        }
        var rows: [(any StreamedTransform, Double)] = []
        for (transform, patch, step) in found {
            switch transform {
            case .rows(let transform): rows.append((withKeptDelta(transform, patch, in: step), step.strength))
            case .matrix(let transform):
                guard let transform = transform as? any StreamedTransform else { return nil }
                rows.append((transform, step.strength))
            }
        }
        return .rows(rows)
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

    /// Widens, changes and rounds tile by tile: the weight passes through the caches once.
    private func mergeRows(
        _ tensor: Int, _ changes: [(transform: any StreamedTransform, strength: Double)], into out: MergedTensor
    ) throws(MergeError) {
        var weight = WeightRows(plan.base.views[tensor])
        for (transform, strength) in changes {
            do throws(MergeError) {
                weight = weight.with(try transform.passes(over: weight, strength: strength, pool: pool))
            } catch {
                throw error.naming(plan.base.label(tensor))
            }
        }
        let (merged, destination) = (weight, out.destination)
        let badRange = Mutex<Range<Int>?>(nil)
        pool.forEachRange(weight.rows, grain: weight.sharedRows(among: pool.threads)) { range in
            if !merged.compute(range, into: destination) {
                badRange.withLock { $0 = ($0?.lowerBound ?? .max) < range.lowerBound ? $0 : range }
            }
        }
        if let range = badRange.withLock({ $0 }) {
            let scratch = Matrix(rows: range.count, columns: weight.columns)
            weight.widen(range, into: scratch.start)
            let row = range.lowerBound + badRow(scratch, out.dtype)
            throw .notFinite(tensor: plan.base.label(tensor), row: row)
        }
    }

    private func mergeColumns(
        _ tensor: Int, _ transform: any ColumnTransform, _ strength: Double, into out: MergedTensor
    ) throws(MergeError) {
        let weight = WeightRows(plan.base.views[tensor])
        guard weight.rows > 0 else { return }
        let pass = transform.pass(strength: strength, pool: pool)
        let isBelow = Atomic(true)
        let destination = out.destination
        pool.forEachRange(weight.columns, grain: Panels.width) { columns in
            if !pass.run(weight.panel(columns, into: destination)) { isBelow.store(false, ordering: .relaxed) }
        }
        guard !isBelow.load(ordering: .relaxed) else { return }
        // Computed once more, all of it in f32, to say where it went wrong.
        let matrix = Matrix(rows: weight.rows, columns: weight.columns)
        let inFull = WeightRows.Destination(start: matrix.start, format: UMBEL_F32, limit: .infinity, pastCaches: false)
        pool.forEachRange(weight.columns, grain: Panels.width) { columns in
            _ = pass.run(weight.panel(columns, into: inFull))
        }
        throw .notFinite(tensor: plan.base.label(tensor), row: badRow(matrix, out.dtype))
    }

    /// The tensors of a cluster as the first `count` entries of the recipe leave them.
    func weights(of cluster: [Int], before count: Int) throws(MergeError) -> WorkingWeights {
        var weights = WorkingWeights()
        for member in cluster { weights.load(member, plan.base.views[member], pool: pool) }
        for place in plan.patches(of: cluster) where place.step < count {
            let step = plan.steps[place.step]
            let patch = step.binding.patches[place.patch]
            do {
                try weights.apply(withKeptDelta(patch, place.patch, in: step), strength: step.strength, pool: pool)
            } catch {
                throw error.naming(patch.view?.pieces.first.map { plan.base.label($0.tensor) } ?? "")
            }
        }
        return weights
    }

    private func store(_ tensor: Int, _ weights: WorkingWeights, _ dtype: DType) throws(MergeError) -> MergedTensor {
        let out = MergedTensor(dtype: dtype, shape: weights.shapes[tensor] ?? [], pool: pool)
        guard let matrix = weights.matrices[tensor] else { return out }
        let isFinite = Atomic(true)
        let (weight, destination) = (WeightRows(matrix), out.destination)
        pool.forEachRange(matrix.rows, grain: weight.sharedRows(among: pool.threads)) { range in
            if !weight.compute(range, into: destination) { isFinite.store(false, ordering: .relaxed) }
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

extension MergeError {
    /// The same error with the tensor's name, where the place that found it did not know it.
    func naming(_ name: String) -> MergeError {
        switch self {
        case .notFinite(let tensor, let row): .notFinite(tensor: tensor.isEmpty ? name : tensor, row: row)
        case .decomposition(let tensor, let rows, let columns):
            .decomposition(tensor: tensor.isEmpty ? name : tensor, rows: rows, columns: columns)
        case .shapeChangedBefore: self
        }
    }
}
