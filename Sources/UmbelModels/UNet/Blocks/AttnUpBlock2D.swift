extension UNetBlockType {
    /// Resnets that also take what the way down left, each followed by an attention of the places on each other; then twice
    /// the size.
    static let attnUpBlock2D = UNetBlockType(
        name: "AttnUpBlock2D",
        maker: .up { plan throws(ModelError) in
            LayeredUpBlock(
                parts: Layers(
                    name: plan.name, resnets: try plan.upResnets(plan.plainStyle),
                    attentions: try plan.selfAttentions(plan.level.layers + 1)),
                resizing: try plan.upsampler())
        })
}
