internal import UmbelTensor

/// diffusers' `UNet2DConditionModel`: from noisy latents and a text, the noise (or whatever it was trained to tell).
package struct UNet: Sendable {
    package let configuration: UNetConfiguration
    /// Length of the text's vectors that it takes.
    package let contextSize: Int
    private let time: UNetTime
    private let textProjection: Linear?
    private let input: Convolution
    private let down: [any DownBlock]
    private let middle: (any MiddleBlock)?
    private let up: [any UpBlock]
    private let outputNorm: GroupNorm
    private let output: Convolution

    /// - Parameter weights: by the names of diffusers.
    /// - Throws: if a tensor is missing or has another shape, or for a block type that is not supported.
    package init(_ configuration: UNetConfiguration, _ weights: Weights) throws(ModelError) {
        self.configuration = configuration
        guard let first = configuration.levels.first, let last = configuration.levels.last else {
            throw .unsupported(setting: "block_out_channels", value: "[]")
        }
        // All blocks are given the same text.
        let contexts = configuration.levels.map(\.contextSize)
        guard Set(contexts).count == 1 else {
            throw .unsupported(setting: "cross_attention_dim", value: contexts.shapeText)
        }
        try UNetBlockType.check(configuration)
        contextSize = configuration.textProjectionSize ?? last.contextSize
        // A time in bf16 has too few digits to tell the steps apart.
        time = try UNetTime(weights.computed(in: .f32), configuration, contextSize: contextSize)
        if let size = configuration.textProjectionSize {
            textProjection = try weights.linear("encoder_hid_proj", inputs: size, outputs: last.contextSize)
        } else {
            textProjection = nil
        }
        input = try weights.convolution(
            "conv_in", inputs: configuration.inChannels, outputs: first.channels, kernel: configuration.inputKernel,
            padding: .init((configuration.inputKernel - 1) / 2))
        let plans = UNetPlans(configuration, weights)
        down = try plans.down()
        middle = try plans.middle()
        up = try plans.up()
        outputNorm = try weights.groupNorm(
            "conv_norm_out", channels: first.channels, groups: configuration.groups, epsilon: configuration.epsilon)
        output = try weights.convolution(
            "conv_out", inputs: first.channels, outputs: configuration.outChannels, kernel: configuration.outputKernel,
            padding: .init((configuration.outputKernel - 1) / 2))
    }

    /// - Returns: a map of the sample's size with `outChannels` channels.
    /// - Throws: for inputs that the network needs and was not given, or not in the sizes it takes, and what the observer
    ///   throws.
    package func callAsFunction(_ given: UNetInput, _ pass: ForwardPass) throws(ModelError) -> FeatureMap {
        try check(given)
        let context = textProjection.map { $0(given.context, pool: pass.pool) } ?? given.context
        let text = TextContext(context, projections: given.projections)
        let conditions = BlockConditions(time: try time(given, pass), context: text)
        var x = input(centered(given.sample, pass), pool: pass.pool)
        try pass.finished("conv_in", x)
        var skips = [x]
        for (index, block) in down.enumerated() {
            let outputs = try block(x, conditions, pass)
            skips += outputs
            x = outputs.last ?? x
            try pass.finished("down_blocks.\(index)", x)
        }
        if let middle {
            x = try middle(x, conditions, pass)
            try pass.finished("mid_block", x)
        }
        for (index, block) in up.enumerated() {
            let taken = Array(skips.suffix(block.layers))
            skips.removeLast(block.layers)
            // What comes next is put beside what is left of the way down, so it must have that size.
            let size = skips.last.map { ($0.height, $0.width) }
            x = try block(x, skips: taken, size: size, conditions, pass)
            try pass.finished("up_blocks.\(index)", x)
        }
        return try finish(x, pass)
    }

    private func check(_ given: UNetInput) throws(ModelError) {
        let batch = given.sample.batch
        guard given.sample.channels == configuration.inChannels else { throw .missingInput("sample") }
        guard given.times.count == batch else { throw .missingInput("timestep") }
        guard given.context.columns == contextSize, given.context.rows % max(1, batch) == 0 else {
            throw .missingInput("encoder_hidden_states")
        }
    }

    private func centered(_ sample: FeatureMap, _ pass: ForwardPass) -> FeatureMap {
        guard configuration.centersInput else { return sample }
        let centered = sample.with(sample.values.copy())
        centered.rescale(by: 2, adding: -1, pool: pass.pool)
        return centered
    }

    private func finish(_ x: FeatureMap, _ pass: ForwardPass) throws(ModelError) -> FeatureMap {
        let normal = outputNorm.activated(x, configuration.activation, pool: pass.pool)
        let out = output(normal, pool: pass.pool)
        try pass.finished("conv_out", out)
        return out
    }
}

/// The plans of all blocks of a U-Net.
private struct UNetPlans {
    private let configuration: UNetConfiguration
    private let weights: Weights

    init(_ configuration: UNetConfiguration, _ weights: Weights) {
        self.configuration = configuration
        self.weights = weights
    }

    private var levels: [UNetConfiguration.Level] { configuration.levels }

    func down() throws(ModelError) -> [any DownBlock] {
        var blocks: [any DownBlock] = []
        for (index, level) in levels.enumerated() {
            let inputs = levels[max(0, index - 1)].channels
            let plan = plan(
                weights["down_blocks", index], level, inputs: inputs, resamples: index + 1 < levels.count)
            blocks.append(try UNetBlockType.down(level.down, plan))
        }
        return blocks
    }

    func middle() throws(ModelError) -> (any MiddleBlock)? {
        guard let name = configuration.middle, let level = levels.last else { return nil }
        var plan = plan(weights["mid_block"], level, inputs: level.channels, resamples: false)
        plan.style.outputFactor = Float(configuration.middleOutputFactor)
        return try UNetBlockType.middle(name, plan)
    }

    func up() throws(ModelError) -> [any UpBlock] {
        var blocks: [any UpBlock] = []
        for (index, level) in levels.reversed().enumerated() {
            let place = levels.count - 1 - index
            var plan = plan(
                weights["up_blocks", index], level, inputs: levels[min(levels.count - 1, place + 1)].channels,
                resamples: place > 0)
            plan.skipped = levels[max(0, place - 1)].channels
            blocks.append(try UNetBlockType.up(level.up, plan))
        }
        return blocks
    }

    private func plan(
        _ weights: Weights, _ level: UNetConfiguration.Level, inputs: Int, resamples: Bool
    ) -> BlockPlan {
        var style = ResnetBlock.Style(
            groups: configuration.groups, epsilon: configuration.epsilon, activation: configuration.activation,
            timeSize: configuration.blockTimeSize)
        style.scalesAndShifts = configuration.scalesAndShifts
        style.skipsTimeActivation = configuration.skipsTimeActivation
        style.outputFactor = Float(configuration.outputFactor)
        return BlockPlan(
            weights: weights, style: style, level: level, inputs: inputs, outputs: level.channels, skipped: inputs,
            resamples: resamples, downsamplePadding: configuration.downsamplePadding,
            middleTransformerLayers: configuration.middleTransformerLayers,
            middleLooksOnlyAtText: configuration.middleLooksOnlyAtText,
            normalizesContext: configuration.normalizesContext)
    }
}
