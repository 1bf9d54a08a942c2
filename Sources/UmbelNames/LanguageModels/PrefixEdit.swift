/// A change at the front of a language model's paths: an adapter is named relative to the class it was trained in, the
/// base relative to the class it was saved from (names.md 13).
///
/// One edit holds for a whole file. A path that exists as it is needs none: `lm_head` lies beside the model in both.
struct PrefixEdit: Hashable, Sendable {
    let removed: String
    let added: String

    static let none = PrefixEdit(removed: "", added: "")

    /// `base_model_prefix` of transformers' classes, and the parts of models that hold others.
    private static let classPrefixes = [
        "model", "transformer", "bert", "roberta", "distilbert", "electra", "deberta", "albert", "gpt_neox", "vit",
        "language_model", "encoder", "decoder", "backbone", "rwkv", "mpt",
    ]

    /// What may be tried on a base with these modules.
    static func candidates(for modules: NamedModules) -> [PrefixEdit] {
        var counts: [Substring: Int] = [:]
        for path in modules.canonical.keys {
            if let first = path.pathSegments.first { counts[first, default: 0] += 1 }
        }
        // The base's own leading part: where most of it lies.
        let own = counts.filter { 2 * $0.value >= modules.canonical.count && Int($0.key) == nil }.keys.sorted()
        return own.map { PrefixEdit(removed: "", added: String($0)) }
            + classPrefixes.map { PrefixEdit(removed: $0, added: "") }
    }

    /// The edited path; nil if the edit does not apply.
    func applied(to path: String, _ style: StemPrefix.Style) -> String? {
        let mark = style == .dotted ? "." : "_"
        guard path.hasPrefix(removed.isEmpty ? "" : removed + mark) else { return nil }
        let rest = removed.isEmpty ? path[...] : path.dropFirst(removed.utf8.count + 1)
        return added.isEmpty ? String(rest) : "\(added)\(mark)\(rest)"
    }
}
