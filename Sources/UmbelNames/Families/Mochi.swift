extension Family {
    /// Mochi (names.md 12; diffusers `convert_mochi_transformer_checkpoint_to_diffusers`). The gate and the value of both
    /// MLPs are exchanged, and so are the halves of the final modulation.
    static let mochi = Family(
        name: "mochi", role: .denoiser,
        original: [Signature(present: ["blocks.0.attn.qkv_x.weight"])],
        canonical: [
            Signature(present: ["transformer_blocks.0.attn1.add_q_proj.weight", "time_embed.pooler.to_kv.weight"])
        ],
        links: { names, isOriginal in
            let last = names.count(after: isOriginal ? "blocks." : "transformer_blocks.") - 1
            return outside + inBlock
                // The last block only reads the context, and its modulation is called otherwise.
                + [
                    .renamed("blocks.\(last).mod_y", "transformer_blocks.\(last).norm1_context.linear_1")
                ]
        })

    private static let outside: [Link] = [
        .renamed("x_embedder.proj", "patch_embed.proj"),
        .renamed("t_embedder.mlp.0", "time_embed.timestep_embedder.linear_1"),
        .renamed("t_embedder.mlp.2", "time_embed.timestep_embedder.linear_2"),
        .renamed("t5_y_embedder.{rest}", "time_embed.pooler.{rest}"),
        .renamed("t5_yproj", "time_embed.caption_proj"),
        .halvesSwapped("final_layer.mod", "norm_out.linear"), .renamed("final_layer.linear", "proj_out"),
    ]

    private static let inBlock: [Link] =
        [
            .fused("blocks.{i}.attn.qkv_x", ["to_q", "to_k", "to_v"].map { "transformer_blocks.{i}.attn1.\($0)" }),
            .fused(
                "blocks.{i}.attn.qkv_y",
                ["add_q_proj", "add_k_proj", "add_v_proj"].map { "transformer_blocks.{i}.attn1.\($0)" }),
            .halvesSwapped("blocks.{i}.mlp_x.w1", "transformer_blocks.{i}.ff.net.0.proj"),
            .halvesSwapped("blocks.{i}.mlp_y.w1", "transformer_blocks.{i}.ff_context.net.0.proj"),
        ]
        + Link.renamed(
            under: "blocks.{i}.", "transformer_blocks.{i}.",
            [
                ("mod_x", "norm1.linear"), ("mod_y", "norm1_context.linear"),
                ("attn.q_norm_x", "attn1.norm_q"), ("attn.k_norm_x", "attn1.norm_k"),
                ("attn.q_norm_y", "attn1.norm_added_q"), ("attn.k_norm_y", "attn1.norm_added_k"),
                ("attn.proj_x", "attn1.to_out.0"), ("attn.proj_y", "attn1.to_add_out"),
                ("mlp_x.w2", "ff.net.2"), ("mlp_y.w2", "ff_context.net.2"),
            ])
}
