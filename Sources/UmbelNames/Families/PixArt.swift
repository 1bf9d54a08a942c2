extension Family {
    /// PixArt (names.md 12).
    static let pixArt = Family(
        name: "pixart", role: .denoiser,
        original: [Signature(present: ["blocks.0.cross_attn.kv_linear.weight"])],
        canonical: [
            Signature(present: [
                "adaln_single.linear.weight", "transformer_blocks.0.attn2.to_k.weight", "pos_embed.proj.weight",
            ])
        ],
        links: { _, _ in
            PixArtBlocks.attention
                + [
                    .renamed("x_embedder.proj", "pos_embed.proj"), .renamed("t_block.1", "adaln_single.linear"),
                    .renamed("t_embedder.mlp.0", "adaln_single.emb.timestep_embedder.linear_1"),
                    .renamed("t_embedder.mlp.2", "adaln_single.emb.timestep_embedder.linear_2"),
                    .renamed("blocks.{i}.mlp.fc1", "transformer_blocks.{i}.ff.net.0.proj"),
                    .renamed("blocks.{i}.mlp.fc2", "transformer_blocks.{i}.ff.net.2"),
                ]
        })
}

/// Rules that PixArt and Sana share.
enum PixArtBlocks {
    static let attention: [Link] =
        [
            .fused("blocks.{i}.attn.qkv", ["to_q", "to_k", "to_v"].map { "transformer_blocks.{i}.attn1.\($0)" }),
            .fused("blocks.{i}.cross_attn.kv_linear", ["to_k", "to_v"].map { "transformer_blocks.{i}.attn2.\($0)" }),
            .renamed("y_embedder.y_proj.fc1", "caption_projection.linear_1"),
            .renamed("y_embedder.y_proj.fc2", "caption_projection.linear_2"),
            .renamed("final_layer.linear", "proj_out"),
            .renamed("final_layer.scale_shift_table", "scale_shift_table"),
        ]
        + Link.renamed(
            under: "blocks.{i}.", "transformer_blocks.{i}.",
            [
                ("attn.proj", "attn1.to_out.0"), ("cross_attn.q_linear", "attn2.to_q"),
                ("cross_attn.proj", "attn2.to_out.0"), ("scale_shift_table", "scale_shift_table"),
            ])
}
