extension NameTable {
    /// The parts of the base, by the folders that a pipeline would have for them ("unet", "text_encoder_2"); empty for a base
    /// that is one part without a name.
    package var componentNames: [String] { components.map(\.name) }

    /// Every module of a part by its canonical path, whatever naming the base is in: what a network needs that knows only
    /// one naming. Nothing for a part that is not there.
    package func modules(of component: String) -> [Target] {
        guard let index = components.firstIndex(where: { $0.name == component }) else { return [] }
        return indices[index].modules.canonical.map { path, views in views.target(component: component, module: path) }
    }

    /// Whether a part is in the naming of single files rather than in the canonical one.
    package func isOriginal(_ component: String) -> Bool {
        components.first { $0.name == component }?.isOriginal ?? false
    }
}
