extension UNetBlockType {
    /// One resnet. (diffusers gives its block of this name no more than that in a U-Net with text.)
    static let unetMidBlock2D = UNetBlockType(
        name: "UNetMidBlock2D",
        maker: .middle { plan throws(ModelError) in
            LayeredMiddleBlock(
                layers: Layers(
                    name: plan.name, resnets: try plan.middleResnets(1, plan.activatingStyle), attentions: []))
        })
}
