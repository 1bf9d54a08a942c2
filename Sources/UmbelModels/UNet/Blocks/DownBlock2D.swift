extension UNetBlockType {
    /// Resnets, then half the size.
    static let downBlock2D = UNetBlockType(
        name: "DownBlock2D",
        maker: .down { plan throws(ModelError) in
            LayeredDownBlock(
                layers: Layers(name: plan.name, resnets: try plan.downResnets(plan.plainStyle), attentions: []),
                resizing: try plan.downsampler())
        })
}
