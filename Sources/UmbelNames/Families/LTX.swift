extension Family {
    /// LTX-Video (names.md 12; diffusers `convert_ltx_transformer_checkpoint_to_diffusers`).
    static let ltx = Family(
        name: "ltx", role: .denoiser,
        original: [Signature(present: ["patchify_proj.weight"])],
        canonical: [
            Signature(present: [
                "time_embed.linear.weight", "proj_in.weight", "transformer_blocks.0.attn1.norm_q.weight",
            ])
        ],
        links: { _, _ in
            [.renamed("patchify_proj", "proj_in"), .renamed("adaln_single.{rest}", "time_embed.{rest}")]
                + ["attn1", "attn2"].flatMap { attention in
                    Link.renamed(
                        under: "transformer_blocks.{i}.\(attention).", "transformer_blocks.{i}.\(attention).",
                        [("q_norm", "norm_q"), ("k_norm", "norm_k")])
                }
        })
}
