/// The experts of one layer, as an adapter made with `target_parameters` means them (peft.md 7).
package struct ExpertStacks: Hashable, Sendable {
    package let component: String
    /// Path of the module that owns the parameters ("model.layers.0.mlp.experts").
    package let module: String
    /// In the order in which the module registers them: the inner wrapper (`base_layer`) is the first.
    package let parameters: [ExpertParameter]
}

/// One stacked parameter, taken apart into experts.
package struct ExpertParameter: Hashable, Sendable {
    /// "gate_up_proj" or "down_proj".
    package let name: String
    /// A view per expert, as it is stored: `[in, out]` if `inputFirst`, else `[out, in]`.
    package let experts: [TargetView]
    /// Nil if neither the file nor the model type tells; then the adapter's shapes have to.
    package let inputFirst: Bool?
}

/// Finds expert stacks among the names of a base.
struct ExpertFinder {
    /// Which stored stacks are `[experts, in, out]` (peft.md 7, the table of orientations).
    private static let inputFirstTypes: Set<String> = [
        "gpt_oss", "llama4", "llama4_text", "qwen3_vl_moe", "qwen3_vl_moe_text",
    ]
    private static let outputFirstTypes: Set<String> = [
        "qwen2_moe", "qwen3_moe", "mixtral", "phimoe", "deepseek_v2", "deepseek_v3", "glm4_moe", "olmoe", "qwen3_next",
        "minimax", "minimax_m2", "ernie4_5_moe", "dots1", "hunyuan_v1_moe", "jamba", "flex_olmo", "glm4v_moe",
    ]
    /// Gate and up projections of gpt-oss alternate column by column, so neither is a range of rows.
    private static let interleavedTypes: Set<String> = ["gpt_oss"]

    let component: String
    let modelType: String?

    var inputFirst: Bool? {
        guard let modelType else { return nil }
        if Self.inputFirstTypes.contains(modelType) { return true }
        return Self.outputFirstTypes.contains(modelType) ? false : nil
    }

    /// Stacked parameters `[experts, …, …]`, and experts in files of their own, by path of their module.
    func stacks(_ list: ModuleList) -> [String: ExpertStacks] {
        var stored: [String: [String: [RowStack]]] = [:]
        for (path, stack) in list.parameters {
            let (module, name) = ModuleList.parted(path)
            guard module.hasSuffix(".experts"), ["gate_up_proj", "down_proj"].contains(name),
                let slabs = stack.slabs
            else { continue }
            stored[module, default: [:]][name] = slabs
        }
        var stacks: [String: ExpertStacks] = [:]
        for (module, parameters) in stored {
            stacks[module] = expertStacks(module, parameters, inputFirst: inputFirst)
        }
        for (module, parameters) in perExpert(list) where stacks[module] == nil {
            stacks[module] = expertStacks(module, parameters, inputFirst: false)
        }
        return stacks
    }

    private func expertStacks(_ module: String, _ stacks: [String: [RowStack]], inputFirst: Bool?) -> ExpertStacks {
        let parameters = ["gate_up_proj", "down_proj"].compactMap { name in
            stacks[name].map { ExpertParameter(name: name, experts: $0.map(\.view), inputFirst: inputFirst) }
        }
        return ExpertStacks(component: component, module: module, parameters: parameters)
    }

    /// Files with a tensor per expert and projection: the gate's rows above those of the way up.
    private func perExpert(_ list: ModuleList) -> [String: [String: [RowStack]]] {
        var numbers: [String: Set<Int>] = [:]
        for path in list.modules.keys {
            let (expert, _) = ModuleList.parted(path)
            let (module, number) = ModuleList.parted(expert)
            guard module.hasSuffix(".experts"), let number = Int(number) else { continue }
            numbers[module, default: []].insert(number)
        }
        var found: [String: [String: [RowStack]]] = [:]
        for (module, numbers) in numbers {
            func weights(_ names: [String]) -> [RowStack]? {
                let stacks = (0..<numbers.count).map { expert in
                    RowStack.stacked(names.map { list.modules["\(module).\(expert).\($0)"]?.weight })
                }
                return stacks.contains { $0 == nil } ? nil : stacks.compactMap { $0 }
            }
            found[module] = [
                "gate_up_proj": weights(["gate_proj", "up_proj"]) ?? weights(["w1", "w3"]),
                "down_proj": weights(["down_proj"]) ?? weights(["w2"]),
            ].compactMapValues { $0 }
        }
        return found
    }

    /// Ordinary modules for the experts of a stored stack: adapters made before transformers 5 have a pair for each. None
    /// where the orientation is unknown.
    func modules(_ list: ModuleList) -> [String: ModuleViews] {
        guard let inputFirst else { return [:] }
        var modules: [String: ModuleViews] = [:]
        for (path, stack) in list.parameters {
            let (module, name) = ModuleList.parted(path)
            guard module.hasSuffix(".experts"), let slabs = stack.slabs else { continue }
            for (expert, slab) in slabs.enumerated() {
                guard let weight = inputFirst ? slab.transposed() : slab else { continue }
                let half = weight.rowCount / 2
                switch name {
                case "down_proj": modules["\(module).\(expert).down_proj"] = ModuleViews(weight: weight)
                case "gate_up_proj" where !Self.interleavedTypes.contains(modelType ?? ""):
                    modules["\(module).\(expert).gate_proj"] = ModuleViews(weight: weight.rows(0..<half))
                    modules["\(module).\(expert).up_proj"] = ModuleViews(weight: weight.rows(half..<(2 * half)))
                default: break
                }
            }
        }
        return modules
    }
}
