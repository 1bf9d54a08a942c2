/// A part of a base that adapters address by its own prefix: a folder of a pipeline, the tensors under one prefix of a
/// single file, or the whole of a language model.
struct Component: Sendable {
    /// "unet", "text_encoder_2"; empty where the base is this component alone and has no name for it.
    let name: String
    /// What stands before the names in a single file, with its dot.
    let prefix: String
    /// Its tensors, named relative to it.
    let names: TensorNames
    let family: Family?
    /// Whether the base is in the original naming; false where there is no family.
    let isOriginal: Bool

    init(name: String, prefix: String, names: TensorNames) {
        let found = Family.of(names)
        // Single files keep every denoiser under one prefix; pipelines call those that are no U-Net otherwise.
        let isTransformer = name == "unet" && !prefix.isEmpty && found.map { $0.family.name != "unet" } ?? false
        self.name = isTransformer ? "transformer" : name
        self.prefix = prefix
        self.names = names
        family = found?.family
        isOriginal = found?.isOriginal ?? false
    }

    var isTextEncoder: Bool { name.hasPrefix("text_encoder") || family?.role == .textEncoder }

    var isVAE: Bool { name.hasPrefix("vae") || family?.role == .vae }

    /// T5 has one naming everywhere, so it needs no family; but its place among the encoders matters (names.md 6).
    func isT5(className: String?) -> Bool {
        className == "T5EncoderModel" || names.contains("encoder.block.0.layer.0.SelfAttention.q.weight")
    }

    /// The components of a base: by folder if the tensors have one, else by the prefixes of single files (names.md 8).
    static func all(of catalog: BaseCatalog) -> [Component] {
        var order: [String] = []
        var folders: [String: [(name: String, tensor: Int)]] = [:]
        for (number, tensor) in catalog.tensors.enumerated() {
            if folders[tensor.component] == nil { order.append(tensor.component) }
            folders[tensor.component, default: []].append((tensor.name, number))
        }
        return order.flatMap { folder in
            let names = folders[folder] ?? []
            return folder.isEmpty
                ? inSingleFile(names, of: catalog)
                : [Component(name: folder, prefix: "", names: TensorNames(names, in: catalog.tensors))]
        }
    }

    private static func inSingleFile(_ names: [(name: String, tensor: Int)], of catalog: BaseCatalog) -> [Component] {
        let prefixes = SingleFilePrefixes(names.map(\.name))
        var order: [String] = []
        var parts: [String: [(name: String, tensor: Int)]] = [:]
        for (name, tensor) in names {
            guard let prefix = prefixes.prefix(of: name) else { continue }
            if parts[prefix] == nil { order.append(prefix) }
            parts[prefix, default: []].append((String(name.dropFirst(prefix.utf8.count)), tensor))
        }
        return order.compactMap { prefix in
            let component = Component(
                name: prefixes.component(prefix), prefix: prefix,
                names: TensorNames(parts[prefix] ?? [], in: catalog.tensors))
            // Beside named parts, what has no prefix is a component only if it is a model; else it is `alphas_cumprod`
            // and the like, which no adapter means.
            return prefix.isEmpty && order.count > 1 && component.family == nil ? nil : component
        }
    }
}
