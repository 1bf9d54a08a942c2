extension Family {
    /// SD 3 and 3.5 (names.md 10).
    static let stableDiffusion3 = Family(
        name: "sd3", role: .denoiser,
        original: [
            Signature(present: ["joint_blocks.0.context_block.adaLN_modulation.1.bias"]),
            Signature(present: ["joint_blocks.0.context_block.attn.qkv.weight"]),
        ],
        canonical: [
            Signature(present: ["transformer_blocks.0.norm1_context.linear.weight", "pos_embed.proj.weight"])
        ],
        links: { names, isOriginal in
            let blocks = names.count(after: isOriginal ? "joint_blocks." : "transformer_blocks.")
            return outside + attention
                + Link.renamed(under: "joint_blocks.{i}.", "transformer_blocks.{i}.", renamedInBlock)
                // The last block's context ends here: its modulation is a final one, with shift and scale exchanged.
                + [
                    .halvesSwapped(
                        "joint_blocks.\(blocks - 1).context_block.adaLN_modulation.1",
                        "transformer_blocks.\(blocks - 1).norm1_context.linear")
                ]
        },
        edition: { names in
            if names.contains("joint_blocks.0.x_block.attn2.qkv.weight") { return "3.5-medium" }
            return names.count(after: "joint_blocks.") == 38 ? "3.5-large" : nil
        })

    private static let outside: [Link] = [
        .renamed("x_embedder.proj", "pos_embed.proj"), .renamed("pos_embed", "pos_embed.pos_embed"),
        .renamed("t_embedder.mlp.0", "time_text_embed.timestep_embedder.linear_1"),
        .renamed("t_embedder.mlp.2", "time_text_embed.timestep_embedder.linear_2"),
        .renamed("y_embedder.mlp.0", "time_text_embed.text_embedder.linear_1"),
        .renamed("y_embedder.mlp.2", "time_text_embed.text_embedder.linear_2"),
        .halvesSwapped("final_layer.adaLN_modulation.1", "norm_out.linear"),
        .renamed("final_layer.linear", "proj_out"),
    ]

    private static let attention: [Link] = [
        .fused(
            "joint_blocks.{i}.x_block.attn.qkv", ["to_q", "to_k", "to_v"].map { "transformer_blocks.{i}.attn.\($0)" }),
        .fused(
            "joint_blocks.{i}.context_block.attn.qkv",
            ["add_q_proj", "add_k_proj", "add_v_proj"].map { "transformer_blocks.{i}.attn.\($0)" }),
        // Only the first blocks of 3.5 medium.
        .fused(
            "joint_blocks.{i}.x_block.attn2.qkv", ["to_q", "to_k", "to_v"].map { "transformer_blocks.{i}.attn2.\($0)" }),
    ]

    private static let renamedInBlock = [
        ("x_block.attn.proj", "attn.to_out.0"), ("context_block.attn.proj", "attn.to_add_out"),
        ("x_block.attn2.proj", "attn2.to_out.0"),
        ("x_block.attn.ln_q", "attn.norm_q"), ("x_block.attn.ln_k", "attn.norm_k"),
        ("context_block.attn.ln_q", "attn.norm_added_q"), ("context_block.attn.ln_k", "attn.norm_added_k"),
        ("x_block.attn2.ln_q", "attn2.norm_q"), ("x_block.attn2.ln_k", "attn2.norm_k"),
        ("x_block.adaLN_modulation.1", "norm1.linear"), ("context_block.adaLN_modulation.1", "norm1_context.linear"),
        ("x_block.mlp.fc1", "ff.net.0.proj"), ("x_block.mlp.fc2", "ff.net.2"),
        ("context_block.mlp.fc1", "ff_context.net.0.proj"), ("context_block.mlp.fc2", "ff_context.net.2"),
    ]
}
