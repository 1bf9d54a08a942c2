extension UNetBlockType {
    /// Resnets that also take what the way down left, each followed by an attention on the text; then twice the size.
    static let crossAttnUpBlock2D = UNetBlockType(
        name: "CrossAttnUpBlock2D",
        maker: .up { plan throws(ModelError) in
            LayeredUpBlock(
                parts: Layers(
                    name: plan.name, resnets: try plan.upResnets(plan.plainStyle),
                    attentions: try plan.transformers(
                        plan.level.upTransformerLayers, looksOnlyAtText: plan.level.looksOnlyAtText)),
                resizing: try plan.upsampler())
        })
}
