extension UNetBlockType {
    /// Resnets that also take what the way down left, then twice the size.
    static let upBlock2D = UNetBlockType(
        name: "UpBlock2D",
        maker: .up { plan throws(ModelError) in
            LayeredUpBlock(
                parts: Layers(name: plan.name, resnets: try plan.upResnets(plan.plainStyle), attentions: []),
                resizing: try plan.upsampler())
        })
}
