extension UNetBlockType {
    /// Resnets that also take what the way down left; one more doubles the size.
    static let resnetUpsampleBlock2D = UNetBlockType(
        name: "ResnetUpsampleBlock2D",
        maker: .up { plan throws(ModelError) in
            LayeredUpBlock(
                parts: Layers(name: plan.name, resnets: try plan.upResnets(), attentions: []),
                resizing: try plan.resamplingResnet("upsamplers", .doubled))
        })
}
