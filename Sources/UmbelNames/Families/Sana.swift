extension Family {
    /// Sana (names.md 12; diffusers `convert_sana_transformer_to_diffusers`): PixArt's blocks with a convolutional MLP.
    static let sana = Family(
        name: "sana", role: .denoiser,
        original: [
            Signature(
                present: ["blocks.0.cross_attn.kv_linear.weight", "blocks.0.mlp.inverted_conv.conv.weight"])
        ],
        canonical: [Signature(present: ["transformer_blocks.0.ff.conv_inverted.weight"])],
        links: { _, _ in
            PixArtBlocks.attention
                + [
                    .renamed("x_embedder.proj", "patch_embed.proj"), .renamed("t_block.1", "time_embed.linear"),
                    .renamed("t_embedder.mlp.0", "time_embed.emb.timestep_embedder.linear_1"),
                    .renamed("t_embedder.mlp.2", "time_embed.emb.timestep_embedder.linear_2"),
                    .renamed("attention_y_norm", "caption_norm"),
                ]
                + ["inverted", "depth", "point"].map {
                    .renamed("blocks.{i}.mlp.\($0)_conv.conv", "transformer_blocks.{i}.ff.conv_\($0)")
                }
        })
}
