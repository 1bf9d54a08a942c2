internal import UmbelFormats
package import UmbelNames
internal import UmbelTensor

/// PEFT's (IA)³: a trained vector l scales the inputs of a feedforward layer, the outputs (and the bias) of any other.
/// W' = W ⊙ l along that axis.     arXiv 2205.05638
///
/// `feedforward_modules` decides, never the shape: a square layer's vectors look the same. A list holds plain suffixes of
/// the module path ("n_proj" means down_proj too), a string is a regular expression for all of it. Strength: W + m·(W' − W).
/// Source: PEFT `IA3Model._check_target_module_feedforward`.
package struct PEFTIA3: Algorithm {
    package static let name = "peft-ia3"

    static let vector: Role = "ia3_l"

    package static let roles = [RoleSpelling(vector)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool { module.has(vector) }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let factors = try module.require(vector).values()
        let differences = factors.map { Double($0) - 1 }
        let config = try context.requireConfig(module, for: "which layers are scaled along their inputs")
        if try isFeedforward(context.patternPath(module.stem), config, module) {
            try check(factors, count: view.inputs, module)
            return [Patch(view, .rows(InputScaling(differences: differences, kernel: view.kernel)))]
        }
        try check(factors, count: view.rows, module)
        let transform = WeightTransform.rows(RowScaling(differences: differences))
        return try [Patch(view, transform)] + (target.bias(beside: view, module).map { [Patch($0, transform)] } ?? [])
    }

    private static func check(_ factors: [Float], count: Int, _ module: ModuleFactors) throws(ModuleError) {
        guard factors.count == count else { throw module.mismatch(vector, expected: "\(count) elements") }
    }

    static func isFeedforward(
        _ path: String, _ config: PEFTConfig, _ module: ModuleFactors
    ) throws(ModuleError) -> Bool {
        switch config.fields["feedforward_modules"] {
        case .array(let suffixes): return suffixes.compactMap(\.string).contains { path.hasSuffix($0) }
        case .string(let pattern):
            guard let expression = BoundedPattern(pattern) else {
                throw .notMergeable(module: module.stem, reason: "feedforward_modules is no pattern: \(pattern)")
            }
            return expression.matchesWhole(path)
        default:
            throw .notMergeable(
                module: module.stem, reason: "adapter_config.json lacks feedforward_modules, which says what is scaled")
        }
    }
}
