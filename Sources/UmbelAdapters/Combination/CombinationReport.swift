package import UmbelTensor

/// What cutting a combination to a rank loses.
package struct CombinationReport: Sendable {
    package struct Module: Sendable {
        package let name: String
        package let rank: Int
        package let energy: TruncatedEnergy
    }

    /// Only modules that are cut.
    package let modules: [Module]

    package init(modules: [Module]) {
        self.modules = modules
    }

    /// Of all modules together: 1 − Σ kept σ² / Σ σ².
    package var total: TruncatedEnergy {
        TruncatedEnergy(
            kept: modules.reduce(0) { $0 + $1.energy.kept }, whole: modules.reduce(0) { $0 + $1.energy.whole })
    }
}

extension TensorMerger {
    /// What the recipe's entry `step` loses by being cut. Costs the decompositions, which are not kept.
    package func combinationReport(ofStep step: Int) throws(MergeError) -> CombinationReport {
        var modules: [CombinationReport.Module] = []
        for patch in plan.steps[step].binding.patches {
            guard case .combined(let change) = patch.change, change.combination.method.isCut,
                let tensor = change.tensors.first
            else { continue }
            let weights = try weights(of: plan.cluster(of: tensor), before: step)
            do {
                modules += try change.lostEnergies(on: weights, pool: pool)
            } catch {
                throw error.naming(plan.base.label(tensor))
            }
        }
        return CombinationReport(modules: modules)
    }
}

extension Binding {
    /// It is made of several adapters.
    package var isCombined: Bool {
        patches.contains { if case .combined = $0.change { true } else { false } }
    }
}
