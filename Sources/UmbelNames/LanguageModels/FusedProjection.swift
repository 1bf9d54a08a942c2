/// Projections that some language models store as one (names.md 13): split adapters on a fused base, and the reverse.
///
/// GPT-NeoX, Falcon and BLOOM interleave their `query_key_value` head by head. Those parts are no row ranges, so only
/// ChatGLM's, which lies in blocks, is cut.
struct FusedProjection: Sendable {
    let fused: String
    let parts: [String]
    let split: Split
    /// Restricts a rule to some model types.
    var modelTypes: Set<String>?

    enum Split: Sendable {
        case equal
        /// q, then k and v. Head counts come from the configuration, else from what the output projection takes in.
        case attention(outputs: [String])
    }

    private static let projections = ["q_proj", "k_proj", "v_proj"]

    static let all: [FusedProjection] = [
        FusedProjection(fused: "c_attn", parts: projections, split: .equal, modelTypes: ["gpt2"]),
        FusedProjection(fused: "qkv_proj", parts: projections, split: .attention(outputs: ["o_proj", "out_proj"])),
        FusedProjection(fused: "W_pack", parts: projections, split: .attention(outputs: ["o_proj"])),
        FusedProjection(fused: "Wqkv", parts: projections, split: .attention(outputs: ["out_proj"])),
        FusedProjection(
            fused: "query_key_value", parts: projections, split: .attention(outputs: ["dense"]),
            modelTypes: ["chatglm", "glm"]),
        FusedProjection(fused: "gate_up_proj", parts: ["gate_proj", "up_proj"], split: .equal),
    ]

    /// Adds the parts of every fused module, and the fused module where all its parts are there.
    static func add(to modules: inout NamedModules, modelType: String?, heads: HeadCounts?) {
        let rules = all.filter { rule in
            rule.modelTypes.map { types in modelType.map(types.contains) ?? (rule.fused == "c_attn") } ?? true
        }
        let own = modules.canonical
        for (path, views) in own {
            let (parent, name) = ModuleList.parted(path)
            for rule in rules {
                if name == rule.fused {
                    rule.cut(views, parent: parent, own, heads).forEach { modules.addCanonical($0, $1) }
                } else if name == rule.parts[0] {
                    let parts = rule.parts.map { own[joined(parent, $0)] }
                    guard parts.allSatisfy({ $0?.weight != nil }) else { continue }
                    modules.addCanonical(joined(parent, rule.fused), .stacked(parts.compactMap { $0 }))
                }
            }
        }
    }

    private func cut(
        _ views: ModuleViews, parent: String, _ modules: [String: ModuleViews], _ heads: HeadCounts?
    ) -> [(path: String, views: ModuleViews)] {
        guard let weight = views.weight else { return [] }
        let rows = weight.rowCount
        var counts = Array(repeating: rows / parts.count, count: parts.count)
        if case .attention(let outputs) = split {
            var queries = heads.map { $0.attention * $0.size }
            // The head counts of a model with a vision tower are not those of every layer.
            if queries.map({ q in rows - q != 2 * (heads?.keyValue ?? 0) * (heads?.size ?? 0) }) ?? true {
                queries = outputs.compactMap { modules[Self.joined(parent, $0)]?.weight?.tail.first }.first
            }
            guard let queries else { return [] }
            counts = [queries, (rows - queries) / 2, (rows - queries) / 2]
        }
        guard let ranges = RowSplit.ranges(counts: counts, rows: rows) else { return [] }
        return zip(parts, ranges).map { (Self.joined(parent, $0), views.rows($1)) }
    }

    private static func joined(_ parent: String, _ name: String) -> String {
        parent.isEmpty ? name : "\(parent).\(name)"
    }
}
