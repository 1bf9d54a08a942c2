package import UmbelNames
internal import UmbelTensor

/// LoRA and LoCon: ΔW = s · up · down, s = α/r     arXiv 2106.09685
///
/// `up` is (out, r, 1…), `down` (r, in, k…), flattened behind their first axes. With a Tucker core `mid` (r, r, k…),
/// `down` is (r, in, 1…) and ΔW[o,c,k] = s · Σᵢⱼ mid[i,j,k]·up[o,i]·down[j,c]. DyLoRA, LoRA+ and rank-stabilised LoRA
/// are stored the same way. Embeddings have `lora_embedding_A` (r, vocabulary) and `_B` (size, r): there ΔWᵀ = s·B·A.
package struct LoRA: Algorithm {
    package static let name = "lora"

    static let mid: Role = "lora_mid.weight"
    static let embeddingDown: Role = "lora_embedding_A"
    static let embeddingUp: Role = "lora_embedding_B"
    static let upBias: Role = "lora_B.bias"

    package static let roles =
        [
            RoleSpelling(
                .down, "lora_A.weight", "lora.down.weight", "lora_linear_layer.down.weight", "down.weight", "lora_A"),
            RoleSpelling(.up, "lora_B.weight", "lora.up.weight", "lora_linear_layer.up.weight", "up.weight", "lora_B"),
            RoleSpelling(mid), RoleSpelling(.alpha), RoleSpelling(upBias, "lora_up.bias"),
            RoleSpelling(embeddingDown), RoleSpelling(embeddingUp), RoleSpelling(.biasDifference),
            RoleSpelling(PaddedWeight.role),
        ] + DoRA.roles

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        module.has(.up) || module.has(.down) || module.has(embeddingDown) || module.has(embeddingUp)
    }

    package static func rank(of module: ModuleFactors) -> Int? {
        (module[.down] ?? module[embeddingDown])?.shape.first
    }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        if module.has(embeddingDown) || module.has(embeddingUp) {
            return try embeddingPatches(module, target, context)
        }
        let (view, padding) = try PaddedWeight.apply(module, try target.requireWeight(module), of: target.module)
        let delta = try delta(module, view, context)
        return try padding + SingularBase.patches(module, view, rank: delta.down.rows, scale: delta.scale, context)
            + [DoRA.patch(module, view, delta)]
            + module.biasPatches(upBias, scale: delta.scale, on: target, optional: false)
            + module.biasPatches(.biasDifference, on: target, optional: true)
    }

    /// ΔW of an ordinary pair, checked against the view.
    static func delta(
        _ module: ModuleFactors, _ view: TargetView, _ context: AdapterContext
    ) throws(ModuleError) -> LowRankDelta {
        let up = try module.matrix(.up)
        var down = try module.matrix(.down)
        let rank = down.rows
        try module.checkRanks([(.down, rank), (.up, up.columns)])
        if module.has(mid) {
            let core = try module.matrix(mid)
            try module.checkKernel(mid, on: view)
            try module.check(mid, core, rows: rank, columns: rank * view.kernel, on: view)
            try module.check(.down, down, rows: rank, columns: view.inputs, on: view)
            down = TuckerCore.fold(core, down)
        } else {
            try module.checkKernel(.down, on: view)
        }
        guard up.rows == view.rows else { throw module.mismatch(.up, expected: view.shape.shapeText) }
        guard down.columns == view.columns else { throw module.mismatch(.down, expected: view.shape.shapeText) }
        let scale = try context.scale(of: module, path: context.patternPath(module.stem), rank: rank)
        return LowRankDelta(up: up, down: down, scale: scale)
    }

    private static func embeddingPatches(
        _ module: ModuleFactors, _ target: Target, _ context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let weight = try target.requireWeight(module)
        guard let view = weight.transposed else {
            throw module.mismatch(embeddingDown, expected: "an embedding, not \(weight.shape.shapeText)")
        }
        let up = try module.matrix(embeddingUp)
        let down = try module.matrix(embeddingDown)
        try module.checkRanks([(embeddingDown, down.rows), (embeddingUp, up.columns)])
        guard up.rows == view.rows else { throw module.mismatch(embeddingUp, expected: weight.shape.shapeText) }
        guard down.columns == view.columns else {
            throw module.mismatch(embeddingDown, expected: weight.shape.shapeText)
        }
        let scale = try context.scale(of: module, path: context.patternPath(module.stem), rank: down.rows)
        return [try DoRA.patch(module, view, LowRankDelta(up: up, down: down, scale: scale))]
    }
}
