package import UmbelNames

/// What may stand beside any module's factors in a PEFT file, so that no algorithm has to know of it: whole tensors
/// before its own patches, trained token rows after them.
package enum PEFTCompanions {
    /// All patches of a module that `algorithm` claims. Outside PEFT files they are the algorithm's own.
    package static func patches(
        for module: ModuleFactors, by algorithm: any Algorithm.Type, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let isWhole = algorithm == WholeTensor.self || algorithm == TrainableTokens.self
        let own = isWhole ? [] : try algorithm.patches(for: module, on: target, in: context)
        // The `weight` of (IA)³ is a vector.
        guard isWhole || context.isPEFT(module) && algorithm != IA3.self else { return own }
        return try WholeTensor.wholeTensorPatches(for: module, on: target) + own
            + TrainableTokens.tokenPatches(for: module, on: target, in: context)
    }
}

extension AdapterContext {
    /// Does the file say that it is PEFT's, by its settings or by the module's key? Elsewhere a lone `weight` may be anything.
    func isPEFT(_ module: ModuleFactors) -> Bool {
        config(for: module.stem) != nil || module.stem.hasPrefix("base_model.")
    }
}
