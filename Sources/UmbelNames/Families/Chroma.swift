extension Family {
    /// Chroma: Flux whose modulations come out of one distilled network (names.md 11).
    static let chroma = Family(
        name: "chroma", role: .denoiser,
        original: [
            Signature(
                present: ["distilled_guidance_layer.in_proj.bias"],
                absent: ["distilled_guidance_layer.layers.0.linear_1.weight", "transformer_blocks.0.attn.to_q.weight"])
        ],
        canonical: [Signature(present: ["distilled_guidance_layer.in_proj.bias"])],
        links: { _, _ in
            FluxBlocks.links
                + Link.renamed(
                    under: "distilled_guidance_layer.layers.{i}.", "distilled_guidance_layer.layers.{i}.",
                    [("in_layer", "linear_1"), ("out_layer", "linear_2")])
        },
        aliases: { _, _ in FluxBlocks.xlabs })
}
