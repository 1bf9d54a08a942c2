package import UmbelNames
internal import UmbelTensor

/// (IA)³ as LyCORIS stores it: W' = W ⊙ (1 + m·v)     arXiv 2205.05638
///
/// v is `weight`, flattened; `on_input` 0 scales along the output axis, 1 along the input axis. The vector of a
/// convolution is (1, n, 1…) in both cases, so only `on_input` tells. The bias is never touched.
package struct IA3: Algorithm {
    package static let name = "ia3"

    private static let onInput: Role = "on_input"

    package static let roles = [RoleSpelling(onInput), RoleSpelling(.weight)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool { module.has(onInput) }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let vector = try module.require(.weight)
        let isInput = try module.number(onInput) != 0
        let length = isInput ? view.inputs : view.rows
        guard vector.elementCount == length else {
            throw module.mismatch(
                .weight, expected: "\(length) \(isInput ? "inputs" : "outputs") of \(view.shape.shapeText)")
        }
        let differences = vector.values().map(Double.init)
        let transform: any RowTransform =
            isInput ? InputScaling(differences: differences, kernel: view.kernel) : RowScaling(differences: differences)
        return [Patch(view, .rows(transform), bound: ChangeBound(relative: vector.values().largestMagnitude))]
    }
}
