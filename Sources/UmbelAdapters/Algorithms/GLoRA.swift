package import UmbelNames
internal import UmbelTensor

/// GLoRA as LyCORIS has it: ΔW = s · (W·A + B)     arXiv 2306.07967
///
/// A = a1 · a2 acts on the input axis for every kernel position, with a1 (in, r) and a2 (r, in):
/// (W·A)[o,j,k] = Σᵢ W[o,i,k]·A[i,j]. B = b1 · b2 with b1 (out, r) and b2 (r, in·K). W is the current weight.
///
/// Files from before May 2024 hold a1 (r, in), a2 (in, r), b1 (r, in), b2 (out, r); the shapes tell which it is.
package struct GLoRA: Algorithm {
    package static let name = "glora"

    private static let a1: Role = "a1.weight"
    private static let a2: Role = "a2.weight"
    private static let b1: Role = "b1.weight"
    private static let b2: Role = "b2.weight"

    package static let roles = [a1, a2, b1, b2, .alpha, .biasDifference].map { RoleSpelling($0) }

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        [a1, a2, b1, b2].contains(where: module.has)
    }

    package static func rank(of module: ModuleFactors) -> Int? {
        guard let a2 = module[a2], let down = module[b2] else { return nil }
        return usesOldLayout(module) ? down.shape.dropFirst().first : a2.shape.first
    }

    private static func usesOldLayout(_ module: ModuleFactors) -> Bool {
        func size(_ role: Role, _ axis: Int) -> Int? { module[role]?.shape.dropFirst(axis).first }
        let isNew = Set([size(b2, 0), size(a2, 0), size(b1, 1), size(a1, 1)]).count == 1
        let isOld = Set([size(b2, 1), size(b1, 0), size(a1, 0), size(a2, 1)]).count == 1
        return isOld && !isNew
    }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let isOld = usesOldLayout(module)
        let inputUp = try module.matrix(isOld ? a2 : a1)
        let inputDown = try module.matrix(isOld ? a1 : a2)
        let up = try module.matrix(isOld ? b2 : b1)
        let down = try module.matrix(isOld ? b1 : b2)
        try module.checkRanks([
            (isOld ? a2 : a1, inputUp.columns), (isOld ? a1 : a2, inputDown.rows), (isOld ? b2 : b1, up.columns),
            (isOld ? b1 : b2, down.rows),
        ])
        try module.check(isOld ? a2 : a1, inputUp, rows: view.inputs, columns: inputDown.rows, on: view)
        try module.check(isOld ? a1 : a2, inputDown, rows: inputUp.columns, columns: view.inputs, on: view)
        try module.checkProduct(isOld ? b2 : b1, rows: up.rows, columns: down.columns, on: view)
        let scale = try context.scale(of: module, path: context.patternPath(module.stem), rank: inputDown.rows)
        let change = GeneralisedDelta(
            inputUp: inputUp, inputDown: inputDown, sum: LowRankDelta(up: up, down: down, scale: scale),
            inputs: view.inputs, kernel: view.kernel)
        let product = Double(view.inputs * inputUp.columns) * Double(inputUp.largestMagnitude)
        let bound = ChangeBound(
            absolute: abs(scale) * change.sum.bound,
            relative: abs(scale) * product * Double(inputDown.largestMagnitude))
        return try [Patch(view, .rows(change), bound: bound)]
            + module.biasPatches(.biasDifference, on: target, optional: true)
    }
}

private struct GeneralisedDelta: RowTransform {
    let inputUp: Matrix
    let inputDown: Matrix
    let sum: LowRankDelta
    let inputs: Int
    let kernel: Int

    func apply(to tile: RowTile, strength: Double) {
        let difference = Matrix(rows: tile.rows, columns: tile.columns)
        sum.write(tile.firstRow..<tile.firstRow + tile.rows, to: difference.start)
        add(tile, to: difference)
        tile.add(difference, scaledBy: Float(strength * sum.scale))
    }

    /// difference += W·A. Taken one kernel position after the other, a row of W is `kernel` rows of inputs.
    private func add(_ tile: RowTile, to difference: Matrix) {
        let slices = Matrix(rows: tile.rows * kernel, columns: inputs)
        for row in 0..<tile.rows {
            Product.transpose(tile.row(row), rows: inputs, columns: kernel, to: slices.row(row * kernel))
        }
        let product = slices.multiplied(by: inputUp).multiplied(by: inputDown)
        for row in 0..<tile.rows {
            // `slices` has served; what comes back takes its place.
            let change = slices.row(row * kernel)
            Product.transpose(product.row(row * kernel), rows: kernel, columns: inputs, to: change)
            Product.add(change, scaledBy: 1, to: difference.row(row), count: tile.columns)
        }
    }

    func passes(over weight: WeightRows, strength: Double, pool: ComputePool) -> [any RowPass] {
        [
            ProjectedPass(
                sum.product(pool: pool), up: inputUp, down: inputDown, kernel: kernel,
                factor: Float(strength * sum.scale), pool: pool)
        ]
    }
}
