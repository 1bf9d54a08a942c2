package import UmbelNames
internal import UmbelTensor

/// Whole tensors in a PEFT file: W' = the stored tensor, at any strength.
///
/// They come from `modules_to_save`, from biases saved whole (`bias: "all"`), and as copies of a wrapped layer's own weight
/// (`embed_tokens.base_layer.weight`), to which the deltas beside them are added. The first axis may differ from the base's
/// (a resized vocabulary); a tensor that the base lacks is added. `original_module.…` is the untouched copy that a dump of
/// a live model holds beside the saved one. Sources: PEFT `ModulesToSaveWrapper`, `get_peft_model_state_dict`.
package struct WholeTensor: Algorithm {
    package static let name = "replace"

    private static let weights: [Role] = [.weight, .baseWeight, "modules_to_save.weight"]
    private static let biases: [Role] = [.bias, .baseBias, "modules_to_save.bias"]
    private static let ignored: [Role] = ["original_module.weight", "original_module.bias"]
    static let all = weights + biases + ignored

    package static let roles =
        [
            RoleSpelling("modules_to_save.weight", "modules_to_save.default.weight"),
            RoleSpelling("modules_to_save.bias", "modules_to_save.default.bias"),
        ] + (all.filter { !$0.rawValue.hasPrefix("modules_to_save") }).map { RoleSpelling($0) }

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        context.isPEFT(module) && module.factors.keys.allSatisfy(all.contains)
    }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        try wholeTensorPatches(for: module, on: target)
    }

    /// The whole tensors beside a module's factors; empty for most modules. Their phase puts them before the deltas.
    package static func wholeTensorPatches(
        for module: ModuleFactors, on target: Target
    ) throws(ModuleError) -> [Patch] {
        var patches: [Patch] = []
        for role in weights { patches += try replacement(role, of: target.weight, "weight", module, target) }
        for role in biases { patches += try replacement(role, of: target.bias, "bias", module, target) }
        return patches
    }

    /// - Parameter view: nil if the base lacks the parameter.
    static func replacement(
        _ role: Role, of view: TargetView?, _ parameter: String, _ module: ModuleFactors, _ target: Target
    ) throws(ModuleError) -> [Patch] {
        guard let tensor = try module.optional(role) else { return [] }
        guard let view else {
            let name = "\(target.module).\(parameter)"
            return [Patch(nil, .add(component: target.component, name: name, tensor))]
        }
        // Whole tensors are as the model stores them: of a Conv1D untransposed.
        let stored = view.pieces.first?.transposed == true ? view.transposed ?? view : view
        guard tensor.shape.dropFirst() == stored.shape.dropFirst(),
            stored.pieces.count == 1 || tensor.shape == stored.shape
        else { throw module.mismatch(role, expected: stored.shape.shapeText) }
        return [Patch(stored, .replace(tensor))]
    }
}
