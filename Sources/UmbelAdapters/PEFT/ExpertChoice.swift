internal import UmbelFormats
internal import UmbelNames
internal import UmbelTensor

/// Which of a layer's stacked expert parameters a module of an adapter is for (peft.md 7).
///
/// Wrappers nest: the inner one (`base_layer`) is the parameter that the model registers first, the outer one the last.
/// With a single one the settings tell, or else the shapes.
struct ExpertChoice {
    let stacks: ExpertStacks
    let adapter: Adapter
    let context: AdapterContext

    func parameter(for module: Adapter.Module) throws(ModuleError) -> ExpertParameter {
        let stem = module.factors.stem
        guard let first = stacks.parameters.first, let last = stacks.parameters.last else {
            throw .noSuchParameter(module: stem, parameter: "expert stack")
        }
        if stem.hasSuffix(".base_layer") { return first }
        if adapter.modules.contains(where: { $0.factors.stem == stem + ".base_layer" }) { return last }
        let targeted = context.peft?.fields["target_parameters"]?.strings ?? []
        let named = stacks.parameters.filter { parameter in targeted.contains { $0.hasSuffix(parameter.name) } }
        if named.count == 1 { return named[0] }
        let fitting = stacks.parameters.filter { fits($0, module.factors) }
        guard fitting.count == 1 else {
            throw .notMergeable(
                module: stem, reason: "neither settings nor shapes tell which of the experts' parameters it is for")
        }
        return fitting[0]
    }

    private func fits(_ parameter: ExpertParameter, _ module: ModuleFactors) -> Bool {
        guard let inputs = module[.down]?.shape.last, let outputs = module[.up]?.shape.first,
            let view = parameter.experts.first
        else { return false }
        return Set([inputs, outputs]) == Set([view.rows, view.columns])
    }
}
