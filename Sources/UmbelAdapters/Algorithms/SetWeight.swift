package import UmbelNames
internal import UmbelTensor

/// A new value instead of a difference: W' = set_weight, at any strength. Control adapters hold a few of these, and norms
/// under their own names: `….norm.query_norm.scale`.
package struct SetWeight: Algorithm {
    package static let name = "set"

    private static let value: Role = "set_weight"

    static let scale: Role = "scale"

    package static let roles = [RoleSpelling(value), RoleSpelling(scale), RoleSpelling(.weight), RoleSpelling(.bias)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        if module.has(value) { return true }
        let isWhole = module.has(scale) || module.has(.weight)
        return isWhole && isNorm(module.stem) && module.factors.keys.allSatisfy([scale, .weight, .bias].contains)
    }

    /// The dotted path of a norm (`query_norm`, `norm_added_q`); a lone `weight` of anything else may be a mistake.
    static func isNorm(_ stem: String) -> Bool {
        stem.contains(".") && stem.split(separator: ".").last?.contains("norm") == true
    }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let role = [value, scale].first(where: module.has) ?? .weight
        let tensor = try module.require(role)
        guard tensor.shape == view.shape else { throw module.mismatch(role, expected: view.shape.shapeText) }
        guard let bias = try module.optional(.bias) else { return [Patch(view, .replace(tensor))] }
        guard let biasView = target.bias, bias.shape == biasView.shape else {
            throw module.mismatch(.bias, expected: target.bias?.shape.shapeText ?? "no bias")
        }
        return [Patch(view, .replace(tensor)), Patch(biasView, .replace(bias))]
    }
}
