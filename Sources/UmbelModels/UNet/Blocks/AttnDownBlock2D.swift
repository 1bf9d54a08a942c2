extension UNetBlockType {
    /// Resnets, each followed by an attention of the places on each other; then half the size.
    static let attnDownBlock2D = UNetBlockType(
        name: "AttnDownBlock2D",
        maker: .down { plan throws(ModelError) in
            LayeredDownBlock(
                layers: Layers(
                    name: plan.name, resnets: try plan.downResnets(plan.plainStyle),
                    attentions: try plan.selfAttentions(plan.level.layers)),
                resizing: try plan.downsampler())
        })
}
