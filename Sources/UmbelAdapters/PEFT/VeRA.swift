package import UmbelNames
internal import UmbelTensor

/// VeRA: ΔW = (λ_b ⊙ B[:out])·(λ_d ⊙ A[:, :in]), with A (r, largest in) and B (largest out, r) frozen and shared by the
/// whole model.     arXiv 2310.11454
///
/// A and B are in the file (`vera_A`, `vera_B`) or are drawn again: Mersenne Twister seeded with `projection_prng_key`,
/// first A, then B, row by row, uniform in ±√3·√2/√f with f the size of the tensor's last axis. The maxima run over the
/// targeted modules. There is no α. Source: PEFT `VeraModel._init_vera_A_vera_B`.
package struct VeRA: Algorithm {
    package static let name = "vera"

    static let outputs: Role = "vera_lambda_b"
    static let ranks: Role = "vera_lambda_d"

    package static let roles = [RoleSpelling(outputs), RoleSpelling(ranks)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        module.has(outputs) || module.has(ranks)
    }

    package static func rank(of module: ModuleFactors) -> Int? { module[ranks]?.elementCount }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let outputs = try module.require(outputs).values()
        let ranks = try module.require(ranks).values()
        guard outputs.count == view.rows else { throw module.mismatch(Self.outputs, expected: "[\(view.rows)]") }
        let (down, up) = try projections(module, view, rank: ranks.count, context)
        down.scaleRows(by: ranks)
        up.scaleRows(by: outputs)
        return [Addition.patch(view, LowRankDelta(up: up, down: down, scale: 1))]
    }

    private static func projections(
        _ module: ModuleFactors, _ view: TargetView, rank: Int, _ context: AdapterContext
    ) throws(ModuleError) -> (down: Matrix, up: Matrix) {
        if context.shared["vera_A"] == nil, context.shared["vera_B"] == nil {
            return try drawn(module, view, rank: rank, context)
        }
        let (storedDown, storedUp) = (
            try context.requireShared("vera_A", module), try context.requireShared("vera_B", module)
        )
        guard storedDown.shape.first == rank, let down = storedDown.leading(rows: rank, columns: view.columns) else {
            throw .shapeMismatch(
                module: module.stem, key: "vera_A", shape: storedDown.shape,
                expected: "[\(rank), ≥ \(view.columns)]")
        }
        guard storedUp.shape.last == rank, let up = storedUp.leading(rows: view.rows, columns: rank) else {
            throw .shapeMismatch(
                module: module.stem, key: "vera_B", shape: storedUp.shape, expected: "[≥ \(view.rows), \(rank)]")
        }
        return (down, up)
    }

    private static func drawn(
        _ module: ModuleFactors, _ view: TargetView, rank: Int, _ context: AdapterContext
    ) throws(ModuleError) -> (down: Matrix, up: Matrix) {
        let seed = try context.requireNumber("projection_prng_key", module)
        guard let seed = UInt32(exactly: seed) else {
            throw .notMergeable(module: module.stem, reason: "projection_prng_key \(seed) is no seed of 32 bits")
        }
        let shapes = context.targetedShapes + [view.shape]
        let outputs = shapes.reduce(0) { max($0, $1.first ?? 0) }
        let inputs = shapes.reduce(0) { max($0, $1.flattenedColumns) }
        var generator = MersenneTwister(seed: seed)
        let down = draw(rows: rank, columns: inputs, keeping: (rank, view.columns), &generator)
        let up = draw(rows: outputs, columns: rank, keeping: (view.rows, rank), &generator)
        return (down, up)
    }

    /// Draws all of a matrix, since the next one continues the sequence, and keeps its first rows and columns.
    private static func draw(
        rows: Int, columns: Int, keeping kept: (rows: Int, columns: Int), _ generator: inout MersenneTwister
    ) -> Matrix {
        let bound = Float(3.0.squareRoot() * (2.0.squareRoot() / Double(columns).squareRoot()))
        let matrix = Matrix(rows: kept.rows, columns: kept.columns)
        for row in 0..<rows {
            for column in 0..<columns {
                let value = generator.nextUnit() * (bound + bound) - bound
                if row < kept.rows, column < kept.columns { matrix[row, column] = value }
            }
        }
        return matrix
    }
}

extension Matrix {
    /// Row i is multiplied by its factor.
    func scaleRows(by factors: [Float]) {
        precondition(factors.count == rows)
        for index in 0..<rows {
            let values = row(index)
            for column in 0..<columns { values[column] *= factors[index] }
        }
    }
}
