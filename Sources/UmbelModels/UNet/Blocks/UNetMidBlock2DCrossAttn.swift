extension UNetBlockType {
    /// A resnet, an attention on the text, a resnet.
    static let unetMidBlock2DCrossAttn = UNetBlockType(
        name: "UNetMidBlock2DCrossAttn",
        maker: .middle { plan throws(ModelError) in
            var resnets: [ResnetBlock] = []
            for index in 0...1 {
                resnets.append(
                    try ResnetBlock(
                        plan.weights["resnets", index], inputs: plan.inputs, outputs: plan.outputs, plan.style))
            }
            return CrossAttentionMiddleBlock(
                layers: Layers(
                    name: plan.name, resnets: resnets,
                    attentions: try plan.transformers([plan.middleTransformerLayers], looksOnlyAtText: false)))
        })
}

private struct CrossAttentionMiddleBlock: MiddleBlock {
    /// Two resnets, and an attention after the first.
    let layers: Layers

    func callAsFunction(
        _ x: FeatureMap, _ conditions: BlockConditions, _ pass: ForwardPass
    ) throws(ModelError) -> FeatureMap {
        try layers(1, try layers(0, x, conditions, pass), conditions, pass)
    }
}
