extension Family {
    /// HunyuanVideo (names.md 12; diffusers `convert_hunyuan_video_transformer_to_diffusers`). ComfyUI's files use the
    /// names of Flux inside the blocks; both are original namings.
    static let hunyuanVideo = Family(
        name: "hunyuan-video", role: .denoiser,
        original: [Signature(present: ["txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias"])],
        canonical: [Signature(present: ["context_embedder.token_refiner.refiner_blocks.0.norm_out.linear.bias"])],
        links: { _, _ in ownBlocks + FluxBlocks.links + embedders + tokenRefiner })

    private static let ownBlocks: [Link] =
        FluxBlocks.ends
        + [
            .fused("double_blocks.{i}.img_attn_qkv", FluxBlocks.imageProjections),
            .fused("double_blocks.{i}.txt_attn_qkv", FluxBlocks.textProjections),
        ]
        + Link.renamed(
            under: "double_blocks.{i}.", "transformer_blocks.{i}.",
            [
                ("img_attn_proj", "attn.to_out.0"), ("txt_attn_proj", "attn.to_add_out"),
                ("img_attn_q_norm", "attn.norm_q"), ("img_attn_k_norm", "attn.norm_k"),
                ("txt_attn_q_norm", "attn.norm_added_q"), ("txt_attn_k_norm", "attn.norm_added_k"),
                ("img_mod.linear", "norm1.linear"), ("txt_mod.linear", "norm1_context.linear"),
                ("img_mlp.fc1", "ff.net.0.proj"), ("img_mlp.fc2", "ff.net.2"),
                ("txt_mlp.fc1", "ff_context.net.0.proj"), ("txt_mlp.fc2", "ff_context.net.2"),
            ])
        + FluxBlocks.singleBlock
        + Link.renamed(
            under: "single_blocks.{i}.", "single_transformer_blocks.{i}.",
            [("modulation.linear", "norm.linear"), ("q_norm", "attn.norm_q"), ("k_norm", "attn.norm_k")])

    private static let embedders: [Link] =
        [.renamed("img_in.proj", "x_embedder.proj")]
        + [
            ("time_in.mlp.0", "timestep_embedder.linear_1"), ("time_in.mlp.2", "timestep_embedder.linear_2"),
            ("guidance_in.mlp.0", "guidance_embedder.linear_1"), ("guidance_in.mlp.2", "guidance_embedder.linear_2"),
            ("vector_in.in_layer", "text_embedder.linear_1"), ("vector_in.out_layer", "text_embedder.linear_2"),
        ]
        .map { .renamed($0.0, "time_text_embed.\($0.1)") }

    private static let tokenRefiner: [Link] =
        [
            .renamed("txt_in.input_embedder", "context_embedder.proj_in"),
            .renamed("txt_in.t_embedder.mlp.0", "context_embedder.time_text_embed.timestep_embedder.linear_1"),
            .renamed("txt_in.t_embedder.mlp.2", "context_embedder.time_text_embed.timestep_embedder.linear_2"),
            .renamed("txt_in.c_embedder.{rest}", "context_embedder.time_text_embed.text_embedder.{rest}"),
        ]
        + ["self_attn_qkv", "self_attn.qkv"].map {
            .fused(
                "txt_in.individual_token_refiner.blocks.{i}.\($0)",
                ["to_q", "to_k", "to_v"].map { "context_embedder.token_refiner.refiner_blocks.{i}.attn.\($0)" })
        }
        + Link.renamed(
            under: "txt_in.individual_token_refiner.blocks.{i}.", "context_embedder.token_refiner.refiner_blocks.{i}.",
            [
                ("self_attn_proj", "attn.to_out.0"), ("self_attn.proj", "attn.to_out.0"),
                ("adaLN_modulation.1", "norm_out.linear"),
                ("mlp.fc1", "ff.net.0.proj"), ("mlp.fc2", "ff.net.2"),
                ("mlp.0", "ff.net.0.proj"), ("mlp.2", "ff.net.2"),
            ])
}
