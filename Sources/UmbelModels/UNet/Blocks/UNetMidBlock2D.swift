extension UNetBlockType {
    /// One resnet. (diffusers gives its block of this name no more than that in a U-Net with text.)
    static let unetMidBlock2D = UNetBlockType(
        name: "UNetMidBlock2D",
        maker: .middle { plan throws(ModelError) in
            ResnetMiddleBlock(
                name: plan.name,
                resnet: try ResnetBlock(
                    plan.weights["resnets", 0], inputs: plan.inputs, outputs: plan.outputs, plan.style))
        })
}

private struct ResnetMiddleBlock: MiddleBlock {
    let name: String
    let resnet: ResnetBlock

    func callAsFunction(
        _ x: FeatureMap, _ conditions: BlockConditions, _ pass: ForwardPass
    ) throws(ModelError) -> FeatureMap {
        let out = resnet(x, time: conditions.time, pool: pass.pool)
        try pass.finished("\(name).resnets.0", out)
        return out
    }
}
