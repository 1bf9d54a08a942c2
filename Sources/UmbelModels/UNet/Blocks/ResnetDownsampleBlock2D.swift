extension UNetBlockType {
    /// Resnets, the last of which halves the size by averaging.
    static let resnetDownsampleBlock2D = UNetBlockType(
        name: "ResnetDownsampleBlock2D",
        maker: .down { plan throws(ModelError) in
            LayeredDownBlock(
                layers: Layers(name: plan.name, resnets: try plan.downResnets(), attentions: []),
                resizing: try plan.resamplingResnet("downsamplers", .halved))
        })
}
