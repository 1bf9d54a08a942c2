package import UmbelNames
internal import UmbelTensor

/// Full: W' = W + m·diff, b' = b + m·diff_b. Both have the base's own shapes; either may be alone.
package struct Full: Algorithm {
    package static let name = "full"

    private static let difference: Role = "diff"

    package static let roles = [RoleSpelling(difference), RoleSpelling(.biasDifference)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        module.has(difference) || module.has(.biasDifference)
    }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        try WeightDifference.patches(
            weight: difference, bias: .biasDifference, optionalBias: module.has(difference), for: module, on: target)
    }
}

/// Norm: weight' = weight + m·w_norm, bias' = bias + m·b_norm, for layer and group norms.
package struct Norm: Algorithm {
    package static let name = "norm"

    private static let weight: Role = "w_norm"
    private static let bias: Role = "b_norm"

    package static let roles = [RoleSpelling(weight), RoleSpelling(bias)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        module.has(weight) || module.has(bias)
    }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        try WeightDifference.patches(
            weight: weight, bias: bias, optionalBias: module.has(weight), for: module, on: target)
    }
}

/// A stored difference to the weight, and one to the bias.
private enum WeightDifference {
    static func patches(
        weight: Role, bias: Role, optionalBias: Bool, for module: ModuleFactors, on target: Target
    ) throws(ModuleError) -> [Patch] {
        var patches = try module.biasPatches(bias, on: target, optional: optionalBias)
        guard let difference = try module.optional(weight) else { return patches }
        let view = try target.requireWeight(module)
        // A linear layer and a 1×1 convolution differ by axes of one only; any other shape is another layer's.
        guard difference.shape.filter({ $0 != 1 }) == view.shape.filter({ $0 != 1 }) else {
            throw module.mismatch(weight, expected: view.shape.shapeText)
        }
        patches.append(Addition.patch(view, StoredDelta(difference, rows: view.rows)))
        return patches
    }
}
