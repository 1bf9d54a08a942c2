extension Family {
    /// CLIP text encoders: canonical is Hugging Face's naming, original is OpenCLIP's (names.md 8).
    static let clip = Family(
        name: "clip", role: .textEncoder,
        original: [Signature(present: ["transformer.resblocks.0.attn.in_proj_weight"])],
        canonical: [
            Signature(present: ["text_model.encoder.layers.0.self_attn.q_proj.weight"]),
            Signature(present: ["text_model.encoder.layers.0.mlp.fc1.weight"]),
            Signature(
                present: ["encoder.layers.0.self_attn.q_proj.weight", "encoder.layers.0.layer_norm1.weight"],
                absent: ["embeddings.patch_embedding.weight"]),
        ],
        links: { _, _ in
            [
                .renamed("token_embedding", "text_model.embeddings.token_embedding"),
                .renamed("positional_embedding", "text_model.embeddings.position_embedding"),
                .renamed("ln_final", "text_model.final_layer_norm"),
                // A parameter `[hidden, out]` that is multiplied from the right; Hugging Face has a linear layer.
                .transposed("text_projection", "text_projection"),
                .fused(
                    "transformer.resblocks.{i}.attn",
                    ["q", "k", "v"].map { "text_model.encoder.layers.{i}.self_attn.\($0)_proj" }),
            ]
                + Link.renamed(
                    under: "transformer.resblocks.{i}.", "text_model.encoder.layers.{i}.",
                    [
                        ("attn.out_proj", "self_attn.out_proj"), ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"),
                        ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2"),
                    ])
        },
        // Transformers 5 drops the first part in `CLIPTextModel`: bases and adapters each have it or not.
        spellings: ["embeddings.{rest}", "encoder.{rest}", "final_layer_norm"].map { Spelling("text_model.\($0)", $0) },
        // diffusers before 0.22 wrapped each projection and called the wrapper `to_q_lora`.
        aliases: { _, _ in
            ["q", "k", "v", "out"].flatMap { name in
                ["text_model.", ""].map { start in
                    Alias(
                        "\(start)encoder.layers.{i}.self_attn.to_\(name)_lora",
                        ["text_model.encoder.layers.{i}.self_attn.\(name)_proj"])
                }
            }
        })
}
