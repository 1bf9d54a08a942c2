extension Family {
    /// AuraFlow (names.md 12; diffusers `convert_auraflow_transformer_checkpoint_to_diffusers`).
    static let auraFlow = Family(
        name: "auraflow", role: .denoiser,
        original: [Signature(present: ["double_layers.0.attn.w2q.weight"])],
        canonical: [Signature(present: ["joint_transformer_blocks.0.attn.to_q.weight"])],
        links: { _, _ in
            outside
                + Link.renamed(
                    under: "double_layers.{i}.", "joint_transformer_blocks.{i}.",
                    [
                        ("modX.1", "norm1.linear"), ("modC.1", "norm1_context.linear"),
                        ("attn.w2q", "attn.to_q"), ("attn.w2k", "attn.to_k"), ("attn.w2v", "attn.to_v"),
                        ("attn.w2o", "attn.to_out.0"), ("attn.w1q", "attn.add_q_proj"), ("attn.w1k", "attn.add_k_proj"),
                        ("attn.w1v", "attn.add_v_proj"), ("attn.w1o", "attn.to_add_out"),
                    ])
                + feedForward("double_layers.{i}.mlpX", "joint_transformer_blocks.{i}.ff")
                + feedForward("double_layers.{i}.mlpC", "joint_transformer_blocks.{i}.ff_context")
                + Link.renamed(
                    under: "single_layers.{i}.", "single_transformer_blocks.{i}.",
                    [
                        ("modCX.1", "norm1.linear"), ("attn.w1q", "attn.to_q"), ("attn.w1k", "attn.to_k"),
                        ("attn.w1v", "attn.to_v"), ("attn.w1o", "attn.to_out.0"),
                    ])
                + feedForward("single_layers.{i}.mlp", "single_transformer_blocks.{i}.ff")
        })

    private static let outside: [Link] = [
        .renamed("t_embedder.mlp.0", "time_step_proj.linear_1"),
        .renamed("t_embedder.mlp.2", "time_step_proj.linear_2"),
        .renamed("cond_seq_linear", "context_embedder"), .renamed("init_x_linear", "pos_embed.proj"),
        .renamed("positional_encoding", "pos_embed.pos_embed"),
        .renamed("final_linear", "proj_out"), .halvesSwapped("modF.1", "norm_out.linear"),
    ]

    private static func feedForward(_ original: String, _ canonical: String) -> [Link] {
        Link.renamed(
            under: "\(original).", "\(canonical).",
            [("c_fc1", "linear_1"), ("c_fc2", "linear_2"), ("c_proj", "out_projection")])
    }
}
