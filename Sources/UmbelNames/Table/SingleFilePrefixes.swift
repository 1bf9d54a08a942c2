/// Which prefix of a single file means which component (names.md 7 to 10, the table of section 8 above all).
struct SingleFilePrefixes {
    private static let fixed: [(prefix: String, component: String)] = [
        ("model.diffusion_model.", "unet"),
        ("first_stage_model.", "vae"),
        ("cond_stage_model.transformer.", "text_encoder"),
        ("cond_stage_model.model.", "text_encoder"),
        ("conditioner.embedders.0.transformer.", "text_encoder"),
        // The refiner has only the big encoder; its folder is called `text_encoder_2` all the same.
        ("conditioner.embedders.0.model.", "text_encoder_2"),
        ("conditioner.embedders.1.model.", "text_encoder_2"),
    ]

    /// ComfyUI's all-in-one files.
    private static let encoders = "text_encoders."
    private static let encodersEnd = ".transformer."

    private var encoderNames: [String] = []
    private var isDiffusion = false

    init(_ names: [String]) {
        for name in names {
            if name.hasPrefix("model.diffusion_model.") { isDiffusion = true }
            if let encoder = Self.encoder(of: name), !encoderNames.contains(encoder) { encoderNames.append(encoder) }
        }
    }

    /// The prefix that `name` begins with, empty if none, nil if it belongs to nothing that adapters mean.
    func prefix(of name: String) -> String? {
        // Averages kept for training.
        if name.hasPrefix("model_ema.") { return nil }
        if let (prefix, _) = Self.fixed.first(where: { name.hasPrefix($0.prefix) }) { return prefix }
        if let encoder = Self.encoder(of: name) { return Self.encoders + encoder + Self.encodersEnd }
        if isDiffusion, name.hasPrefix("vae.") { return "vae." }
        return ""
    }

    /// The folder a pipeline would have for it.
    func component(_ prefix: String) -> String {
        if let (_, component) = Self.fixed.first(where: { $0.prefix == prefix }) { return component }
        if prefix == "vae." { return "vae" }
        guard let encoder = Self.encoder(of: prefix) else { return "" }
        switch encoder {
        case "clip_l", "clip_h": return "text_encoder"
        case "clip_g": return "text_encoder_2"
        // Third beside two CLIP encoders (SD 3), second beside one (Flux).
        case "t5xxl": return encoderNames.contains("clip_g") ? "text_encoder_3" : "text_encoder_2"
        default: return "text_encoder_\(encoder)"
        }
    }

    private static func encoder(of name: String) -> String? {
        guard name.hasPrefix(encoders) else { return nil }
        let rest = name.utf8.dropFirst(encoders.utf8.count)
        let encoder = Substring(rest.prefix { $0 != UInt8(ascii: ".") })
        return Substring(rest).dropFirst(encoder.count).hasPrefix(encodersEnd) ? String(encoder) : nil
    }
}
