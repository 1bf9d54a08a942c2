extension UNetBlockType {
    /// Resnets, each followed by an attention on text and places at once; one more halves the size by averaging.
    static let simpleCrossAttnDownBlock2D = UNetBlockType(
        name: "SimpleCrossAttnDownBlock2D",
        maker: .down { plan throws(ModelError) in
            LayeredDownBlock(
                layers: Layers(
                    name: plan.name, resnets: try plan.downResnets(),
                    attentions: try plan.joinedAttentions(
                        plan.level.layers, looksOnlyAtText: plan.level.looksOnlyAtText)),
                resizing: try plan.resamplingResnet("downsamplers", .halved))
        })
}
