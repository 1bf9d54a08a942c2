package import UmbelTensor

/// What holds for a whole adapter file: the settings beside its tensors, and facts of the base it is merged into.
package struct AdapterContext: Sendable {
    /// PEFT's `adapter_config.json`; nil for other formats.
    package var peft: PEFTConfig?
    /// diffusers' header entry, by component ("unet", "text_encoder").
    package var componentConfigs: [String: PEFTConfig] = [:]
    /// Other entries of the file's header.
    package var metadata: [String: String] = [:]
    /// Tensors that belong to no module, by the last part of their key ("vera_A").
    package var shared: [String: TensorView] = [:]
    /// Weight shapes of all modules that the adapter holds factors of, as PEFT sees them (`[out, in]`): what the projections
    /// that a file leaves out were sized by.
    package var targetedShapes: [[Int]] = []

    package init() {}

    /// α divided by the rank, by the rule of the file's format.
    ///
    /// A tensor `alpha` beats every setting, and 0 means "no scaling" there (LyCORIS, kohya). In PEFT's settings 0 means
    /// 0. Without either s = 1. Sources: lycoris-lora `network_module`, PEFT `LoraLayer.update_layer`.
    package func scale(of module: ModuleFactors, path: String, rank: Int) throws(ModuleError) -> Double {
        if let alpha = try module.number(.alpha) {
            guard alpha.isFinite else { throw .nonFinite(key: module.key(.alpha), index: 0) }
            return alpha == 0 ? 1 : alpha / Double(rank)
        }
        guard let config = config(for: module.stem) else { return 1 }
        return config.scale(path: path, rank: rank)
    }

    /// The PEFT settings that govern a module: the folder's, or those of its component in the header.
    package func config(for stem: String) -> PEFTConfig? {
        if let peft { return peft }
        // Most files have none, and many modules.
        if componentConfigs.isEmpty { return nil }
        let component = stem.split(separator: ".", maxSplits: 1).first.map(String.init) ?? ""
        return componentConfigs[component]
    }

    /// The module path that PEFT's patterns are matched against: without wrapper prefix or component.
    package func patternPath(_ stem: String) -> String {
        if stem.hasPrefix("base_model.model.") { return String(stem.dropFirst("base_model.model.".count)) }
        if peft == nil, let dot = stem.firstIndex(of: "."), componentConfigs[String(stem[..<dot])] != nil {
            return String(stem[stem.index(after: dot)...])
        }
        return stem
    }
}
