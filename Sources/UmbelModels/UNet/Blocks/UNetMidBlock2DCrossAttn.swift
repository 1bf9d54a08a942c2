extension UNetBlockType {
    /// A resnet, an attention on the text, a resnet.
    static let unetMidBlock2DCrossAttn = UNetBlockType(
        name: "UNetMidBlock2DCrossAttn",
        maker: .middle { plan throws(ModelError) in
            LayeredMiddleBlock(
                layers: Layers(
                    name: plan.name, resnets: try plan.middleResnets(2, plan.activatingStyle),
                    attentions: try plan.transformers([plan.middleTransformerLayers], looksOnlyAtText: false)))
        })
}
