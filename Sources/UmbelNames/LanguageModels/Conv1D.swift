/// Hugging Face's Conv1D: a linear layer whose weight is stored `[in, out]` (peft.md 4.2).
///
/// The model type decides, never the name or the shape of one module: ports of GPT-2 to other libraries, and GPT-BigCode, use
/// ordinary linear layers under the same names, and `attn.c_proj` is square in both.
struct Conv1D: Sendable {
    private static let modelTypes: Set<String> = ["gpt2", "openai-gpt", "imagegpt", "decision_transformer", "clvp"]
    private static let modules: Set<Substring> = ["c_attn", "c_proj", "c_fc", "q_attn"]

    private let isUsed: Bool

    init(modelType: String?, names: TensorNames) {
        guard let modelType else {
            // A file without its configuration. `c_attn` makes three vectors of one, so it alone shows which axis goes in
            // and which comes out; what it shows then holds for its siblings.
            let fused = names.index.keys.filter { $0.hasSuffix("attn.c_attn.weight") }.compactMap(names.shape)
            isUsed = !fused.isEmpty && fused.allSatisfy { $0.count == 2 && $0[1] == 3 * $0[0] }
            return
        }
        isUsed = Self.modelTypes.contains(modelType)
    }

    func stores(_ module: String) -> Bool {
        isUsed && module.pathSegments.last.map(Self.modules.contains) == true
    }
}
