package import UmbelNames
internal import UmbelTensor

/// DeLoRA: ΔW = (B ⊙ λ/(r·‖Aᵢ‖·‖Bᵢ‖))·A ⊙ w, each norm at least 1e-4.     arXiv 2503.18225
///
/// A (r, in) by rows, B (out, r) by columns, λ one number, w (`delora_w_norm`) one number an input. The stored w is used, so
/// the base's own norms are not needed. Source: PEFT `DeloraLayer._compute_delta`.
package struct DeLoRA: Algorithm {
    package static let name = "delora"

    static let down: Role = "delora_A"
    static let up: Role = "delora_B"
    static let lambda: Role = "delora_lambda"
    static let inputNorms: Role = "delora_w_norm"

    package static let roles = [
        RoleSpelling(down), RoleSpelling(up), RoleSpelling(lambda), RoleSpelling(inputNorms),
    ]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        module.has(down) || module.has(up)
    }

    package static func rank(of module: ModuleFactors) -> Int? { module[down]?.shape.first }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let (down, up) = (try module.matrix(down), try module.matrix(up))
        let norms = try module.require(inputNorms).values()
        try module.checkRanks([(Self.down, down.rows), (Self.up, up.columns)])
        guard up.rows == view.rows else { throw module.mismatch(Self.up, expected: view.shape.shapeText) }
        guard down.columns == view.columns else { throw module.mismatch(Self.down, expected: view.shape.shapeText) }
        guard norms.count == view.columns else { throw module.mismatch(inputNorms, expected: "[\(view.columns)]") }
        guard let lambda = try module.number(lambda) else {
            throw .missingFactor(module: module.stem, key: module.key(Self.lambda))
        }
        let columns = up.transposed()
        for index in 0..<down.rows {
            let length = Self.norm(down.row(index), down.columns) * Self.norm(columns.row(index), up.rows)
            let factor = lambda / (Double(down.rows) * length)
            for column in 0..<down.columns {
                down[index, column] = Float(Double(down[index, column]) * factor * Double(norms[column]))
            }
        }
        return [Addition.patch(view, LowRankDelta(up: up, down: down, scale: 1))]
    }

    private static func norm(_ values: UnsafePointer<Float>, _ count: Int) -> Double {
        max(1e-4, (0..<count).reduce(0.0) { $0 + Double(values[$1]) * Double(values[$1]) }.squareRoot())
    }
}
