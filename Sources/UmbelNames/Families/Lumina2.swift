extension Family {
    /// Lumina Image 2 (names.md 12; diffusers `convert_lumina2_to_diffusers`). Its queries have more heads than keys and
    /// values; together they are as wide as the model.
    static let lumina2 = Family(
        name: "lumina2", role: .denoiser,
        original: [Signature(present: ["cap_embedder.0.weight", "layers.0.adaLN_modulation.1.weight"])],
        canonical: [Signature(present: ["time_caption_embed.caption_embedder.0.weight"])],
        links: { _, _ in
            outside
                + ["layers.{i}", "noise_refiner.{i}", "context_refiner.{i}"].flatMap { block in
                    [
                        .fused(
                            "\(block).attention.qkv", ["to_q", "to_k", "to_v"].map { "\(block).attn.\($0)" },
                            split: .firstAsWideAsInput)
                    ]
                        + Link.renamed(
                            under: "\(block).", "\(block).",
                            [
                                ("attention.out", "attn.to_out.0"), ("attention.q_norm", "attn.norm_q"),
                                ("attention.k_norm", "attn.norm_k"), ("feed_forward.w1", "feed_forward.linear_1"),
                                ("feed_forward.w2", "feed_forward.linear_2"),
                                ("feed_forward.w3", "feed_forward.linear_3"),
                                ("adaLN_modulation.1", "norm1.linear"), ("attention_norm2", "norm2"),
                            ])
                }
                + ["layers.{i}", "noise_refiner.{i}"].map { .renamed("\($0).attention_norm1", "\($0).norm1.norm") }
                // The context refiner is not modulated, so its norm has no layer around it.
                + [.renamed("context_refiner.{i}.attention_norm1", "context_refiner.{i}.norm1")]
        })

    private static let outside: [Link] = [
        .renamed("cap_embedder.{i}", "time_caption_embed.caption_embedder.{i}"),
        .renamed("t_embedder.mlp.0", "time_caption_embed.timestep_embedder.linear_1"),
        .renamed("t_embedder.mlp.2", "time_caption_embed.timestep_embedder.linear_2"),
        .renamed("final_layer.adaLN_modulation.1", "norm_out.linear_1"),
        .renamed("final_layer.linear", "norm_out.linear_2"),
    ]
}
