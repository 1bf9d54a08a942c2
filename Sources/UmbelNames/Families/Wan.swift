extension Family {
    /// Wan 2.x (names.md 12; diffusers `convert_wan_transformer_to_diffusers`). Nothing is fused. The namings exchange
    /// `norm2` and `norm3`, of which only the one of the cross-attention has tensors.
    static let wan = Family(
        name: "wan", role: .denoiser,
        original: [Signature(present: ["head.modulation"])],
        canonical: [
            Signature(present: ["condition_embedder.time_proj.weight"]),
            Signature(present: ["condition_embedder.time_embedder.linear_1.weight", "blocks.0.attn1.to_q.weight"]),
        ],
        links: { _, _ in
            outside + attention("self_attn", "attn1") + attention("cross_attn", "attn2")
                + ["blocks.{i}", "vace_blocks.{i}"].flatMap { block in
                    Link.renamed(
                        under: "\(block).", "\(block).",
                        [
                            ("norm2", "norm3"), ("norm3", "norm2"), ("ffn.0", "ffn.net.0.proj"), ("ffn.2", "ffn.net.2"),
                            ("modulation", "scale_shift_table"),
                        ])
                }
        })

    private static let outside: [Link] = [
        .renamed("time_embedding.0", "condition_embedder.time_embedder.linear_1"),
        .renamed("time_embedding.2", "condition_embedder.time_embedder.linear_2"),
        .renamed("text_embedding.0", "condition_embedder.text_embedder.linear_1"),
        .renamed("text_embedding.2", "condition_embedder.text_embedder.linear_2"),
        .renamed("time_projection.1", "condition_embedder.time_proj"),
        .renamed("img_emb.proj.0", "condition_embedder.image_embedder.norm1"),
        .renamed("img_emb.proj.1", "condition_embedder.image_embedder.ff.net.0.proj"),
        .renamed("img_emb.proj.3", "condition_embedder.image_embedder.ff.net.2"),
        .renamed("img_emb.proj.4", "condition_embedder.image_embedder.norm2"),
        .renamed("head.head", "proj_out"), .renamed("head.modulation", "scale_shift_table"),
        .renamed("vace_blocks.{i}.before_proj", "vace_blocks.{i}.proj_in"),
        .renamed("vace_blocks.{i}.after_proj", "vace_blocks.{i}.proj_out"),
    ]

    private static func attention(_ original: String, _ canonical: String) -> [Link] {
        ["blocks.{i}", "vace_blocks.{i}"].flatMap { block in
            Link.renamed(
                under: "\(block).\(original).", "\(block).\(canonical).",
                [
                    ("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("o", "to_out.0"), ("norm_q", "norm_q"),
                    ("norm_k", "norm_k"), ("k_img", "add_k_proj"), ("v_img", "add_v_proj"),
                    ("norm_k_img", "norm_added_k"),
                ])
        }
    }
}
