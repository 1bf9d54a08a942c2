package import UmbelNames
internal import UmbelTensor

/// T-LoRA: ΔW = s · (P·diag(λ)·Q − Wᵣ), s = α/r     arXiv 2507.05964; LyCORIS 4
///
/// `q_layer` (r, in), `p_layer` (out, r), `lambda_layer` (1, r). The start state that training began from is not in the
/// file: it is Wᵣ, the best approximation of rank r of the weight that is there when the adapter is applied. The
/// timestep mask of training is all ones.
package struct TLoRA: Algorithm {
    package static let name = "tlora"

    private static let down: Role = "q_layer.weight"
    private static let up: Role = "p_layer.weight"
    private static let lambda: Role = "lambda_layer"

    package static let roles = [down, up, lambda, .alpha, .biasDifference].map { RoleSpelling($0) }

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        [down, up, lambda].contains(where: module.has)
    }

    package static func rank(of module: ModuleFactors) -> Int? { module[down]?.shape.first }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let down = try module.matrix(down)
        let up = try module.matrix(up)
        let factors = try module.require(lambda)
        try module.checkRanks([(Self.down, down.rows), (Self.up, up.columns), (lambda, factors.elementCount)])
        try module.checkKernel(Self.down, on: view)
        try module.checkProduct(Self.up, rows: up.rows, columns: down.columns, on: view)
        let values = factors.values()
        for row in 0..<up.rows {
            for r in 0..<up.columns { up.start[row * up.columns + r] *= values[r] }
        }
        let scale = try context.scale(of: module, path: context.patternPath(module.stem), rank: down.rows)
        // No element of Wᵣ exceeds ‖W‖, which is at most √(elements) times the largest.
        let bound = ChangeBound(
            absolute: abs(scale) * LowRankDelta(up: up, down: down, scale: 1).bound,
            relative: abs(scale) * Double(view.rows * view.columns).squareRoot())
        return try [Patch(view, .matrix(StartedFromBase(up: up, down: down, scale: scale)), bound: bound)]
            + module.biasPatches(.biasDifference, on: target, optional: true)
    }
}

private struct StartedFromBase: WorkedOutAddition {
    let up: Matrix
    let down: Matrix
    let scale: Double

    /// [P·λ | −L] · [Q; R] is the difference as one product, where L·R is Wᵣ.
    func difference(from weight: WeightRows, pool: ComputePool) throws(MergeError) -> LowRankDelta? {
        let start = try weight.approximation(rank: down.rows, pool: pool)
        let rank = down.rows
        let kept = start.left.columns
        let left = Matrix(rows: weight.rows, columns: rank + kept)
        for row in 0..<weight.rows {
            left.row(row).update(from: up.row(row), count: rank)
            for r in 0..<kept { left.row(row)[rank + r] = -start.left.row(row)[r] }
        }
        let right = Matrix(rows: rank + kept, columns: weight.columns)
        right.start.update(from: down.start, count: down.count)
        right.row(rank).update(from: start.right.start, count: start.right.count)
        return LowRankDelta(up: left, down: right, scale: scale)
    }
}
