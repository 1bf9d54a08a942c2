/// The modules of one component in the base's own naming.
struct ModuleList: Sendable {
    /// Module path → its tensors.
    private(set) var modules: [String: ModuleViews] = [:]
    /// Parameters that no module claims (`positional_embedding`, `experts.down_proj`). A family may make modules of them.
    private(set) var parameters: [String: RowStack] = [:]

    /// - Parameter transposed: whether a module's weight is stored `[in, out]` (Hugging Face Conv1D).
    init(_ names: TensorNames, of tensors: [BaseTensor], transposed: (_ module: String) -> Bool) {
        var fallbacks: [String: ModuleViews] = [:]
        for (name, tensor) in names.index {
            let stack = RowStack(tensor: tensor, shape: tensors[tensor].shape)
            let (module, leaf) = Self.parted(name)
            switch leaf {
            case "weight":
                modules[module, default: ModuleViews()].weight =
                    transposed(module) ? stack.transposed() ?? stack : stack
            case "bias": modules[module, default: ModuleViews()].bias = stack
            // torch.nn.MultiheadAttention has no weight of its own (peft.md 4.4); norms of Flux call theirs scale; old BERT
            // files have gamma and beta (names.md 13). The parameter keeps its name as well, for the rules that use it.
            case "in_proj_weight", "scale", "gamma":
                fallbacks[module, default: ModuleViews()].weight = stack
                parameters[name] = stack
            case "in_proj_bias", "beta":
                fallbacks[module, default: ModuleViews()].bias = stack
                parameters[name] = stack
            default: parameters[name] = stack
            }
        }
        for (module, views) in fallbacks where modules[module] == nil {
            // A gamma without beta is the scale of a layer, not a norm; without a weight there is no module.
            guard views.weight != nil, names.index["\(module).gamma"] == nil || views.bias != nil else { continue }
            modules[module] = views
        }
    }

    /// "a.b.weight" → ("a.b", "weight"). A root module that is itself a layer has the empty path.
    static func parted(_ name: String) -> (module: String, leaf: String) {
        guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return ("", name) }
        return (String(name[..<dot]), String(name[name.utf8.index(after: dot)...]))
    }
}
