extension Family {
    /// Cosmos Predict 2 and Anima (names.md 12; diffusers `convert_cosmos_transformer_checkpoint_to_diffusers`).
    static let cosmos = Family(
        name: "cosmos", role: .denoiser,
        original: [Signature(present: ["blocks.0.adaln_modulation_self_attn.1.weight"])],
        canonical: [Signature(present: ["transformer_blocks.0.norm1.linear_1.weight", "patch_embed.proj.weight"])],
        links: { _, _ in
            outside + attention("self_attn", "attn1") + attention("cross_attn", "attn2")
                + [("self_attn", "norm1"), ("cross_attn", "norm2"), ("mlp", "norm3")].flatMap { original, canonical in
                    ["1", "2"].map { number in
                        .renamed(
                            "blocks.{i}.adaln_modulation_\(original).\(number)",
                            "transformer_blocks.{i}.\(canonical).linear_\(number)")
                    }
                }
                + Link.renamed(
                    under: "blocks.{i}.mlp.", "transformer_blocks.{i}.ff.",
                    [("layer1", "net.0.proj"), ("layer2", "net.2")])
        })

    private static let outside: [Link] = [
        .renamed("t_embedder.1.{rest}", "time_embed.t_embedder.{rest}"),
        .renamed("t_embedding_norm", "time_embed.norm"),
        .renamed("x_embedder.proj.1", "patch_embed.proj"),
        .renamed("final_layer.adaln_modulation.1", "norm_out.linear_1"),
        .renamed("final_layer.adaln_modulation.2", "norm_out.linear_2"), .renamed("final_layer.linear", "proj_out"),
    ]

    private static func attention(_ original: String, _ canonical: String) -> [Link] {
        Link.renamed(
            under: "blocks.{i}.\(original).", "transformer_blocks.{i}.\(canonical).",
            [
                ("q_proj", "to_q"), ("k_proj", "to_k"), ("v_proj", "to_v"), ("output_proj", "to_out.0"),
                ("q_norm", "norm_q"), ("k_norm", "norm_k"),
            ])
    }
}
