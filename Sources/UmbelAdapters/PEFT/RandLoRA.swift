package import UmbelNames
internal import UmbelTensor

/// RandLoRA: a full-rank difference from n shared random bases: ΔW = α/r · Y·X, transposed if the inputs are the larger
/// side.     arXiv 2502.00987
///
/// With lo = min(out, in) and hi = max(out, in): X[ρ·n + b, c] = λ[ρ, b]·γ[b, c]·A[ρ, b, c] is (r·n, lo), and
/// Y[d, b·r + ρ] = B[d, b, ρ] is (hi, n·r). The two really are flattened in different orders. A has one base or as many as
/// B. A file without A and B cannot be merged: PEFT draws them in the half precision of the training machine.
/// Source: PEFT `tuners/randlora/layer.py`, `get_scaled_bases`.
package struct RandLoRA: Algorithm {
    package static let name = "randlora"

    static let lambda: Role = "randlora_lambda"
    static let gamma: Role = "randlora_gamma"
    static let small: Role = "randlora_A"
    static let large: Role = "randlora_B"

    package static let roles = [
        RoleSpelling(lambda), RoleSpelling(gamma), RoleSpelling(small), RoleSpelling(large),
    ]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        module.has(lambda) || module.has(gamma)
    }

    package static func rank(of module: ModuleFactors) -> Int? { module[lambda]?.shape.first }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let (lambda, gamma) = (try module.matrix(lambda), try module.matrix(gamma))
        let (rank, bases) = (lambda.rows, lambda.columns)
        let (low, high) = (min(view.rows, view.columns), max(view.rows, view.columns))
        try module.check(Self.gamma, gamma, rows: bases, columns: low, on: view)
        guard context.shared["randlora_A"] != nil || module.has(small) else {
            throw .notMergeable(
                module: module.stem,
                reason: "the file lacks the random projections (save_projection was off), which depend on the machine")
        }
        let storedSmall = try context.requireShared("randlora_A", module, small)
        let storedLarge = try context.requireShared("randlora_B", module, large)
        let (a, b) = (storedSmall.shape, storedLarge.shape)
        guard a.count == 3, a[0] == rank, a[1] == 1 || a[1] >= bases, a[2] >= low else {
            throw module.mismatch(small, expected: "[\(rank), 1 or ≥ \(bases), ≥ \(low)]")
        }
        guard b.count == 3, b[0] >= high, b[1] >= bases, b[2] == rank else {
            throw module.mismatch(large, expected: "[≥ \(high), ≥ \(bases), \(rank)]")
        }
        let x = Matrix(rows: rank * bases, columns: low)
        for r in 0..<rank {
            for base in 0..<bases {
                let row = x.row(r * bases + base)
                let start = (r * a[1] + (a[1] == 1 ? 0 : base)) * a[2]
                storedSmall.widen(start..<start + low, into: row)
                for column in 0..<low { row[column] *= lambda[r, base] * gamma[base, column] }
            }
        }
        let y = Matrix(rows: high, columns: bases * rank)
        for row in 0..<high {
            let start = row * b[1] * rank
            storedLarge.widen(start..<start + bases * rank, into: y.row(row))
        }
        let scale = try context.requireNumber("randlora_alpha", module) / Double(rank)
        let delta =
            view.columns == low
            ? LowRankDelta(up: y, down: x, scale: scale)
            : LowRankDelta(up: x.transposed(), down: y.transposed(), scale: scale)
        return [Addition.patch(view, delta)]
    }
}
