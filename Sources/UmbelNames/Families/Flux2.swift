extension Family {
    /// Flux 2 (names.md 12; diffusers `convert_flux2_transformer_checkpoint_to_diffusers`). The first layer of a single
    /// block stays fused in both namings.
    static let flux2 = Family(
        name: "flux2", role: .denoiser,
        original: [Signature(present: ["single_stream_modulation.lin.weight"])],
        canonical: [Signature(present: ["single_stream_modulation.linear.weight"])],
        links: { _, _ in
            FluxBlocks.ends + FluxBlocks.attention + FluxBlocks.norms
                + Link.renamed(
                    under: "double_blocks.{i}.", "transformer_blocks.{i}.",
                    [
                        ("img_mlp.0", "ff.linear_in"), ("img_mlp.2", "ff.linear_out"),
                        ("txt_mlp.0", "ff_context.linear_in"), ("txt_mlp.2", "ff_context.linear_out"),
                    ])
                + Link.renamed(
                    under: "single_blocks.{i}.", "single_transformer_blocks.{i}.attn.",
                    [("linear1", "to_qkv_mlp_proj"), ("linear2", "to_out")])
                + ["double_stream_modulation_img", "double_stream_modulation_txt", "single_stream_modulation"].map {
                    .renamed("\($0).lin", "\($0).linear")
                }
                + [("time_in", "timestep_embedder"), ("guidance_in", "guidance_embedder")].flatMap {
                    original, canonical in
                    Link.renamed(
                        under: "\(original).", "time_guidance_embed.\(canonical).",
                        [("in_layer", "linear_1"), ("out_layer", "linear_2")])
                }
        })
}
