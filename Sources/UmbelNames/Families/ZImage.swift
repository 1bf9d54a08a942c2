extension Family {
    /// Z-Image (names.md 12; diffusers `convert_z_image_transformer_checkpoint_to_diffusers`).
    static let zImage = Family(
        name: "z-image", role: .denoiser,
        original: [
            Signature(
                present: ["cap_embedder.0.weight", "layers.0.adaLN_modulation.0.weight"],
                absent: ["layers.0.attention.to_q.weight"])
        ],
        canonical: [
            Signature(present: ["layers.0.attention.to_q.weight", "layers.0.adaLN_modulation.0.weight"]),
            Signature(present: ["all_x_embedder.2-1.weight"]),
        ],
        links: { _, _ in
            [
                .renamed("x_embedder", "all_x_embedder.2-1"),
                .renamed("final_layer.{rest}", "all_final_layer.2-1.{rest}"),
            ]
                + ["layers.{i}", "noise_refiner.{i}", "context_refiner.{i}"].flatMap { block in
                    [
                        .fused(
                            "\(block).attention.qkv", ["to_q", "to_k", "to_v"].map { "\(block).attention.\($0)" })
                    ]
                        + Link.renamed(
                            under: "\(block).attention.", "\(block).attention.",
                            [("out", "to_out.0"), ("q_norm", "norm_q"), ("k_norm", "norm_k")])
                }
        })
}
