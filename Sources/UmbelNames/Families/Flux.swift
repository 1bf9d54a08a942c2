extension Family {
    /// Flux 1 (names.md 11).
    static let flux = Family(
        name: "flux", role: .denoiser,
        original: [
            Signature(present: ["double_blocks.0.img_attn.norm.key_norm.scale"]),
            Signature(present: ["double_blocks.0.img_attn.qkv.weight", "single_blocks.0.linear1.weight"]),
        ],
        canonical: [
            Signature(present: ["x_embedder.weight", "single_transformer_blocks.0.proj_mlp.weight"]),
            Signature(present: [
                "transformer_blocks.0.attn.add_q_proj.weight", "time_text_embed.text_embedder.linear_1.weight",
            ]),
        ],
        links: { _, _ in FluxBlocks.links },
        aliases: { _, _ in FluxBlocks.xlabs },
        edition: { names in
            switch names.shape("img_in.weight")?.last ?? names.shape("x_embedder.weight")?.last {
            case 384: "fill"
            case 128: "control"
            default:
                names.contains(prefix: "guidance_in.")
                    || names.contains(prefix: "time_text_embed.guidance_embedder.") ? "dev" : "schnell"
            }
        })
}

/// Rules that the descendants of Flux share.
enum FluxBlocks {
    static let links: [Link] =
        ends + attention + norms + singleBlock
        + Link.renamed(
            under: "double_blocks.{i}.", "transformer_blocks.{i}.",
            [
                ("img_mod.lin", "norm1.linear"), ("txt_mod.lin", "norm1_context.linear"),
                ("img_mlp.0", "ff.net.0.proj"), ("img_mlp.2", "ff.net.2"),
                ("txt_mlp.0", "ff_context.net.0.proj"), ("txt_mlp.2", "ff_context.net.2"),
            ])
        + [("time_in", "timestep_embedder"), ("vector_in", "text_embedder"), ("guidance_in", "guidance_embedder")]
        .flatMap { original, canonical in
            Link.renamed(
                under: "\(original).", "time_text_embed.\(canonical).",
                [("in_layer", "linear_1"), ("out_layer", "linear_2")])
        }

    /// The final modulation is (shift, scale) in the original, (scale, shift) in diffusers.
    static let ends: [Link] = [
        .renamed("img_in", "x_embedder"), .renamed("txt_in", "context_embedder"),
        .halvesSwapped("final_layer.adaLN_modulation.1", "norm_out.linear"), .renamed("final_layer.linear", "proj_out"),
    ]

    static let attention: [Link] =
        [
            .fused("double_blocks.{i}.img_attn.qkv", imageProjections),
            .fused("double_blocks.{i}.txt_attn.qkv", textProjections),
        ]
        + Link.renamed(
            under: "double_blocks.{i}.", "transformer_blocks.{i}.attn.",
            [("img_attn.proj", "to_out.0"), ("txt_attn.proj", "to_add_out")])

    static let norms: [Link] =
        Link.renamed(
            under: "double_blocks.{i}.", "transformer_blocks.{i}.attn.",
            [
                ("img_attn.norm.query_norm", "norm_q"), ("img_attn.norm.key_norm", "norm_k"),
                ("txt_attn.norm.query_norm", "norm_added_q"), ("txt_attn.norm.key_norm", "norm_added_k"),
            ])
        + Link.renamed(
            under: "single_blocks.{i}.norm.", "single_transformer_blocks.{i}.attn.",
            [("query_norm", "norm_q"), ("key_norm", "norm_k")])

    /// `linear1` is q, k, v and the way into the MLP; `linear2` has as many rows as each of the first three.
    static let singleBlock: [Link] = [
        .fused(
            "single_blocks.{i}.linear1", singleProjections + ["single_transformer_blocks.{i}.proj_mlp"],
            split: .rest(asWideAs: "single_blocks.{i}.linear2")),
        .renamed("single_blocks.{i}.linear2", "single_transformer_blocks.{i}.proj_out"),
        .renamed("single_blocks.{i}.modulation.lin", "single_transformer_blocks.{i}.norm.linear"),
    ]

    /// XLabs and USO name the attention processor, not the layer. `qkv_lora` of a single block leaves the MLP out.
    static let xlabs: [Family.Alias] = [
        Family.Alias("double_blocks.{i}.processor.qkv_lora1", imageProjections),
        Family.Alias("double_blocks.{i}.processor.qkv_lora2", textProjections),
        Family.Alias("double_blocks.{i}.processor.proj_lora1", ["transformer_blocks.{i}.attn.to_out.0"]),
        Family.Alias("double_blocks.{i}.processor.proj_lora2", ["transformer_blocks.{i}.attn.to_add_out"]),
        Family.Alias("single_blocks.{i}.processor.qkv_lora", singleProjections),
        Family.Alias("single_blocks.{i}.processor.proj_lora", ["single_transformer_blocks.{i}.proj_out"]),
    ]

    static let imageProjections = ["to_q", "to_k", "to_v"].map { "transformer_blocks.{i}.attn.\($0)" }
    static let textProjections = ["add_q_proj", "add_k_proj", "add_v_proj"].map { "transformer_blocks.{i}.attn.\($0)" }
    private static let singleProjections = ["to_q", "to_k", "to_v"].map { "single_transformer_blocks.{i}.attn.\($0)" }
}
