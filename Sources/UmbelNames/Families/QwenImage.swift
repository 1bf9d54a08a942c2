extension Family {
    /// Qwen-Image: one naming everywhere (names.md 12), so it needs no rules, only a label.
    static let qwenImage = Family(
        name: "qwen-image", role: .denoiser,
        original: [Signature(present: ["transformer_blocks.0.img_mod.1.weight"])],
        canonical: [])
}
