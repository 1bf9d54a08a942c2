/// One way to begin a stem, and where the rest of it is looked up (names.md 6).
struct StemPrefix: Sendable {
    let text: String
    let style: Style
    /// Indices of components, in groups: the first group with a hit answers.
    let components: [[Int]]
    /// The naming that wins where both have the name with different meanings. Nil: such a stem is ambiguous.
    let preferred: Naming?

    enum Style: Sendable, Hashable {
        case dotted
        case mangled
    }

    /// All prefixes of a base, the longest first; a prefix that the user gave replaces the built-in one.
    static func all(for components: [Component], classes: [String: String]) -> [StemPrefix] {
        guard !components.isEmpty else { return [] }
        let all = Array(components.indices)
        let main = mainComponent(components)
        var prefixes: [StemPrefix] = []

        func add(_ texts: [String], _ style: Style, _ places: [[Int]], _ preferred: Naming? = .canonical) {
            prefixes += texts.map { StemPrefix(text: $0, style: style, components: places, preferred: preferred) }
        }
        let rest = all.filter { $0 != main }
        if let main {
            add(["lora_unet_", "oft_unet_", "lora_prior_unet_"], .mangled, [[main]], nil)
            add(["lora_transformer_"], .mangled, [[main]])
            add(["unet.", "transformer.", "prior."], .dotted, [[main]])
            add(["diffusion_model.", "model.diffusion_model."], .dotted, [[main]], .original)
        }
        let mainFirst = main.map { [[$0], rest] } ?? [all]
        add(["lycoris_"], .mangled, mainFirst)
        add(["base_model.model."], .dotted, mainFirst)
        for (stem, component) in encoders(components, classes) {
            add([stem], stem.hasSuffix(".") ? .dotted : .mangled, [[component]])
        }
        // Also of one that has no name of its own, and whatever the layout.
        if let vae = all.first(where: { components[$0].isVAE }) {
            add(["vae.", "first_stage_model."], .dotted, [[vae]])
        }
        for (index, component) in components.enumerated() {
            if !component.name.isEmpty { add([component.name + "."], .dotted, [[index]]) }
            if !component.prefix.isEmpty { add([component.prefix], .dotted, [[index]], .original) }
        }
        return prefixes
    }

    /// What `lora_unet_` means: the denoiser, or the only component there is.
    private static func mainComponent(_ components: [Component]) -> Int? {
        if components.count == 1 { return 0 }
        for name in ["unet", "transformer", "prior"] {
            if let index = components.firstIndex(where: { $0.name == name }) { return index }
        }
        return components.firstIndex { $0.family?.role == .denoiser }
            ?? components.firstIndex { !$0.isTextEncoder && !$0.isVAE }
    }

    /// The number of text encoders decides their prefixes (names.md 6).
    private static func encoders(_ components: [Component], _ classes: [String: String]) -> [(String, Int)] {
        let encoders = components.indices.filter { components[$0].isTextEncoder }
        func named(_ name: String) -> Int? { encoders.first { components[$0].name == name } }
        func isT5(_ index: Int) -> Bool { components[index].isT5(className: classes[components[index].name]) }

        var places: [(String, Int)] = []
        func add(_ stem: String, _ index: Int?) {
            if let index { places.append((stem, index)) }
        }
        if encoders.count == 1, let only = encoders.first {
            add("lora_te_", only)
            add("lora_te1_", only)
            add("lora_prior_te_", only)
            add("text_encoder.", only)
            if components[only].name.isEmpty {
                // A lone encoder could be any of a pipeline's.
                for stem in ["lora_te2_", "lora_te3_", "text_encoder_2.", "text_encoder_3."] { add(stem, only) }
                for name in ["clip_l", "clip_h", "clip_g", "t5xxl"] { add("text_encoders.\(name).transformer.", only) }
            } else if let number = ["text_encoder_2": 2, "text_encoder_3": 3][components[only].name] {
                add("lora_te\(number)_", only)
            }
        } else {
            let t5 = encoders.first(where: isT5)
            add("lora_te1_", named("text_encoder"))
            add("lora_te2_", named("text_encoder_2"))
            // Flux: kohya counts T5 as the third encoder, OneTrainer as the second.
            add("lora_te3_", named("text_encoder_3") ?? t5)
        }
        for index in encoders {
            let component = components[index]
            let names =
                isT5(index)
                ? ["t5xxl"]
                : component.name == "text_encoder"
                    ? ["clip_l", "clip_h"]
                    : component.name == "text_encoder_2" ? ["clip_g"] : []
            for name in names { add("text_encoders.\(name).transformer.", index) }
        }
        return places
    }
}
