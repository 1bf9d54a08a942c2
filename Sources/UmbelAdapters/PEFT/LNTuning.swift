package import UmbelNames

/// LN tuning: the stored weight and bias of a norm replace the base's, at any strength.     arXiv 2312.11420
///
/// Source: PEFT `tuners/ln_tuning/layer.py`.
package struct LNTuning: Algorithm {
    package static let name = "ln_tuning"

    static let weight: Role = "ln_tuning_layers.weight"
    static let bias: Role = "ln_tuning_layers.bias"

    package static let roles = [RoleSpelling(weight), RoleSpelling(bias)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        module.has(weight) || module.has(bias)
    }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        try WholeTensor.replacement(weight, of: target.weight, "weight", module, target)
            + WholeTensor.replacement(bias, of: target.bias, "bias", module, target)
    }
}
