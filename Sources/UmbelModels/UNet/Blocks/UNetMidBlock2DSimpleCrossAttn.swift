extension UNetBlockType {
    /// A resnet, an attention on text and places at once, a resnet.
    static let unetMidBlock2DSimpleCrossAttn = UNetBlockType(
        name: "UNetMidBlock2DSimpleCrossAttn",
        maker: .middle { plan throws(ModelError) in
            LayeredMiddleBlock(
                layers: Layers(
                    name: plan.name, resnets: try plan.middleResnets(2, plan.style),
                    attentions: try plan.joinedAttentions(1, looksOnlyAtText: plan.middleLooksOnlyAtText)))
        })
}
