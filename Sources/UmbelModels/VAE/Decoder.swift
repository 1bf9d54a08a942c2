internal import UmbelTensor

/// From latents to a picture.
struct Decoder: Sendable {
    private struct Level: Sendable {
        let resnets: [ResnetBlock]
        let upsampler: Upsampler?
    }

    private let input: Convolution
    private let middle: VAEMiddle
    private let levels: [Level]
    private let norm: GroupNorm
    private let output: Convolution

    /// - Throws: if a tensor is missing or has another shape.
    init(_ weights: Weights, _ configuration: VAEConfiguration) throws(ModelError) {
        let channels = Array(configuration.channels.reversed())
        let (first, last) = (channels[0], channels[channels.count - 1])
        input = try weights.convolution("conv_in", inputs: configuration.latentChannels, outputs: first)
        middle = try VAEMiddle(weights["mid_block"], channels: first, configuration)
        var levels: [Level] = []
        for index in channels.indices {
            let part = weights["up_blocks", index]
            var resnets: [ResnetBlock] = []
            for layer in 0...configuration.layers {
                let inputs = layer == 0 ? channels[max(0, index - 1)] : channels[index]
                resnets.append(
                    try ResnetBlock(
                        part["resnets", layer], inputs: inputs, outputs: channels[index], configuration.style))
            }
            let isLast = index + 1 == channels.count
            levels.append(
                Level(
                    resnets: resnets,
                    upsampler: isLast ? nil : try Upsampler(part["upsamplers", 0], channels: channels[index])))
        }
        self.levels = levels
        norm = try weights.groupNorm(
            "conv_norm_out", channels: last, groups: configuration.groups, epsilon: configuration.style.epsilon)
        output = try weights.convolution("conv_out", inputs: last, outputs: configuration.outChannels)
    }

    /// - Returns: a picture of numbers about -1 … 1.
    /// - Throws: what the observer throws.
    func callAsFunction(_ latents: FeatureMap, _ pass: ForwardPass) throws(ModelError) -> FeatureMap {
        var x = input(latents, pool: pass.pool)
        try pass.finished("decoder.conv_in", x)
        x = middle(x, pool: pass.pool)
        try pass.finished("decoder.mid_block", x)
        for (index, level) in levels.enumerated() {
            for (layer, resnet) in level.resnets.enumerated() {
                x = resnet(x, pool: pass.pool)
                try pass.finished("decoder.up_blocks.\(index).resnets.\(layer)", x)
            }
            if let upsampler = level.upsampler { x = upsampler(x, pool: pass.pool) }
            try pass.finished("decoder.up_blocks.\(index)", x)
        }
        return output(norm(x, silu: true, pool: pass.pool), pool: pass.pool)
    }
}
