package import UmbelNames
internal import UmbelTensor

/// AdaLoRA: ΔW = B·(A ⊙ E)·a / (init_r + 1e-5), a = `lora_alpha` if that is above 0, else `init_r`.     arXiv 2303.10512
///
/// A (r, in·K), E (r, 1), B (out, r). The divisor stays `init_r` however many ranks were pruned; the stored tensors are
/// pruned already. Source: PEFT `SVDLinear.get_delta_weight`.
package struct AdaLoRA: Algorithm {
    package static let name = "adalora"

    static let values: Role = "lora_E"

    /// The factors' spellings are LoRA's.
    package static let roles = [RoleSpelling(values), RoleSpelling(.down, "lora_A"), RoleSpelling(.up, "lora_B")]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool { module.has(values) }

    package static func rank(of module: ModuleFactors) -> Int? { module[.down]?.shape.first }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        // A module of which every rank was pruned changes nothing.
        if module[.down]?.shape.first == 0 { return [] }
        let (up, down, values) = (try module.matrix(.up), try module.matrix(.down), try module.require(values))
        try module.checkRanks([(.down, down.rows), (.up, up.columns), (Self.values, values.elementCount)])
        guard up.rows == view.rows else { throw module.mismatch(.up, expected: view.shape.shapeText) }
        guard down.columns == view.columns else { throw module.mismatch(.down, expected: view.shape.shapeText) }
        for (row, factor) in values.values().enumerated() {
            for column in 0..<down.columns { down.row(row)[column] *= factor }
        }
        let initialRank = try context.requireNumber("init_r", module)
        let alpha = context.config(for: module.stem)?.alpha ?? 0
        let scale = (alpha > 0 ? alpha : initialRank) / (initialRank + 1e-5)
        return [Addition.patch(view, LowRankDelta(up: up, down: down, scale: scale))]
    }
}
