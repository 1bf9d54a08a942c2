internal import UmbelTensor

/// From a picture to mean and log-variance of its latents.
struct Encoder: Sendable {
    private struct Level: Sendable {
        let resnets: [ResnetBlock]
        let downsampler: Downsampler?
    }

    private let input: Convolution
    private let levels: [Level]
    private let middle: VAEMiddle
    private let norm: GroupNorm
    private let output: Convolution

    /// - Throws: if a tensor is missing or has another shape.
    init(_ weights: Weights, _ configuration: VAEConfiguration) throws(ModelError) {
        let channels = configuration.channels
        let (first, last) = (channels[0], channels[channels.count - 1])
        input = try weights.convolution("conv_in", inputs: configuration.inChannels, outputs: first)
        var levels: [Level] = []
        for index in channels.indices {
            let part = weights["down_blocks", index]
            var resnets: [ResnetBlock] = []
            for layer in 0..<configuration.layers {
                let inputs = layer == 0 ? channels[max(0, index - 1)] : channels[index]
                resnets.append(
                    try ResnetBlock(
                        part["resnets", layer], inputs: inputs, outputs: channels[index], configuration.style))
            }
            let isLast = index + 1 == channels.count
            levels.append(
                Level(
                    resnets: resnets,
                    downsampler: isLast
                        ? nil : try Downsampler(part["downsamplers", 0], channels: channels[index], padding: 0)))
        }
        self.levels = levels
        middle = try VAEMiddle(weights["mid_block"], channels: last, configuration)
        norm = try weights.groupNorm(
            "conv_norm_out", channels: last, groups: configuration.groups, epsilon: configuration.style.epsilon)
        output = try weights.convolution("conv_out", inputs: last, outputs: 2 * configuration.latentChannels)
    }

    /// - Returns: a map with the means of the latent channels, then their log-variances.
    /// - Throws: what the observer throws.
    func callAsFunction(_ picture: FeatureMap, _ pass: ForwardPass) throws(ModelError) -> FeatureMap {
        var x = input(picture, pool: pass.pool)
        try pass.finished("encoder.conv_in", x)
        for (index, level) in levels.enumerated() {
            for (layer, resnet) in level.resnets.enumerated() {
                x = resnet(x, pool: pass.pool)
                try pass.finished("encoder.down_blocks.\(index).resnets.\(layer)", x)
            }
            if let downsampler = level.downsampler { x = downsampler(x, pool: pass.pool) }
            try pass.finished("encoder.down_blocks.\(index)", x)
        }
        x = middle(x, pool: pass.pool)
        try pass.finished("encoder.mid_block", x)
        return output(norm(x, silu: true, pool: pass.pool), pool: pass.pool)
    }
}

/// A resnet, an attention of the places on each other if there is one, a resnet.
struct VAEMiddle: Sendable {
    private let first: ResnetBlock
    private let attention: SelfAttentionBlock?
    private let second: ResnetBlock

    /// - Throws: if a tensor is missing or has another shape.
    init(_ weights: Weights, channels: Int, _ configuration: VAEConfiguration) throws(ModelError) {
        let style = configuration.style
        first = try ResnetBlock(weights["resnets", 0], inputs: channels, outputs: channels, style)
        second = try ResnetBlock(weights["resnets", 1], inputs: channels, outputs: channels, style)
        attention =
            configuration.hasMiddleAttention
            ? try SelfAttentionBlock(
                weights["attentions", 0], channels: channels, heads: 1, groups: style.groups, epsilon: style.epsilon)
            : nil
    }

    func callAsFunction(_ x: FeatureMap, pool: ComputePool) -> FeatureMap {
        let hidden = first(x, pool: pool)
        return second(attention.map { $0(hidden, pool: pool) } ?? hidden, pool: pool)
    }
}

extension VAEConfiguration {
    /// Of its resnets: diffusers has the epsilon fixed.
    var style: ResnetBlock.Style {
        ResnetBlock.Style(groups: groups, epsilon: 1e-6, activation: activation, timeSize: nil)
    }
}
