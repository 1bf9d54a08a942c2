extension UNetBlockType {
    /// Resnets that also take what the way down left, each followed by an attention on text and places at once; one more
    /// doubles the size.
    static let simpleCrossAttnUpBlock2D = UNetBlockType(
        name: "SimpleCrossAttnUpBlock2D",
        maker: .up { plan throws(ModelError) in
            LayeredUpBlock(
                parts: Layers(
                    name: plan.name, resnets: try plan.upResnets(),
                    attentions: try plan.joinedAttentions(
                        plan.level.layers + 1, looksOnlyAtText: plan.level.looksOnlyAtText)),
                resizing: try plan.resamplingResnet("upsamplers", .doubled))
        })
}
