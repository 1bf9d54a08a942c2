extension UNetBlockType {
    /// Resnets, each followed by an attention on the text; then half the size.
    static let crossAttnDownBlock2D = UNetBlockType(
        name: "CrossAttnDownBlock2D",
        maker: .down { plan throws(ModelError) in
            LayeredDownBlock(
                layers: Layers(
                    name: plan.name, resnets: try plan.downResnets(plan.plainStyle),
                    attentions: try plan.transformers(
                        plan.level.downTransformerLayers, looksOnlyAtText: plan.level.looksOnlyAtText)),
                resizing: try plan.downsampler())
        })
}
