package import UmbelNames
internal import UmbelTensor

/// LoRA on a stack of experts (`target_parameters`): ΔW_e = s·B_e·A_e for each expert e of E.
///
/// A (r·E, in) holds E blocks of r rows; B (out, r·E) has the expert index fastest: B_e[o, j] = B[o, j·E + e]. The weight of
/// an expert is a slice (d₁, d₂) of the stack as the model holds it, so that ΔW_e or its transpose fits:
///
/// - in ≠ out: the shape tells.
/// - peft ≥ 0.19: A belongs to the inputs, which are d₁ where the model stores `[E, in, out]`.
/// - before: A belonged to d₁ and B to d₂, whatever they meant.
///
/// Source: PEFT `lora.ParamWrapper.get_delta_weight`.
package enum ExpertLoRA {
    /// - Parameters:
    ///   - views: one per expert, in order.
    ///   - parameter: module path and parameter name, which patterns are matched against
    ///     ("model.layers.0.mlp.experts.down_proj").
    ///   - inputFirst: does the model hold the stack as `[E, in, out]`; nil if that is not known.
    package static func patches(
        for module: ModuleFactors, on views: [TargetView], parameter: String, inputFirst: Bool?,
        in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let (down, up) = (try module.matrix(.down), try module.matrix(.up))
        try module.checkRanks([(.down, down.rows), (.up, up.columns)])
        guard !views.isEmpty, down.rows % views.count == 0 else {
            throw module.mismatch(.down, expected: "[rank · \(views.count), in]")
        }
        let rank = down.rows / views.count
        let scale = try context.scale(of: module, path: parameter, rank: rank)
        var patches: [Patch] = []
        for (expert, view) in views.enumerated() {
            let downPart = Matrix(rows: rank, columns: down.columns)
            downPart.start.update(from: down.row(expert * rank), count: downPart.count)
            let upPart = Matrix(rows: up.rows, columns: rank)
            for row in 0..<up.rows {
                for index in 0..<rank { upPart[row, index] = up[row, index * views.count + expert] }
            }
            let delta =
                try isTransposed(module, view, inputs: down.columns, outputs: up.rows, inputFirst, context)
                ? LowRankDelta(up: downPart.transposed(), down: upPart.transposed(), scale: scale)
                : LowRankDelta(up: upPart, down: downPart, scale: scale)
            patches.append(Addition.patch(view, delta))
        }
        return patches
    }

    private static func isTransposed(
        _ module: ModuleFactors, _ view: TargetView, inputs: Int, outputs: Int, _ inputFirst: Bool?,
        _ context: AdapterContext
    ) throws(ModuleError) -> Bool {
        let fits = (outputs, inputs) == (view.rows, view.columns)
        let fitsTransposed = (inputs, outputs) == (view.rows, view.columns)
        guard fits || fitsTransposed else {
            throw module.mismatch(.down, expected: "factors of \(view.shape.shapeText), either way round")
        }
        guard fits && fitsTransposed else { return fitsTransposed }
        guard let version = context.config(for: module.stem)?.version else {
            throw .notMergeable(
                module: module.stem,
                reason: "the experts are square, and without peft_version their orientation is unknown")
        }
        if version < PEFTVersion(0, 19) { return true }
        guard let inputFirst else {
            throw .notMergeable(
                module: module.stem, reason: "the experts are square, and this model's layout of them is unknown")
        }
        return inputFirst
    }
}
