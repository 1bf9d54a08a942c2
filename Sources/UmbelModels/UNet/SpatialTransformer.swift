internal import UmbelTensor

/// x + W_out · blocks(W_in · norm(x)): transformer blocks over the places of a picture, which look at the text.
struct SpatialTransformer: Sendable {
    private let norm: GroupNorm
    private let input: Linear
    private let blocks: [TransformerBlock]
    private let output: Linear

    /// - Throws: if a tensor is missing or has another shape, or for a setting that is not supported.
    init(
        _ weights: Weights, channels: Int, heads: Int, layers: Int, contextSize: Int, looksOnlyAtText: Bool, groups: Int
    ) throws(ModelError) {
        guard heads > 0, channels >= heads else {
            throw .unsupported(setting: "attention_head_dim", value: "\(heads) heads of \(channels) channels")
        }
        // The heads may not use up the channels.
        let size = channels / heads * heads
        norm = try weights.groupNorm("norm", channels: channels, groups: groups, epsilon: 1e-6)
        // Linear layers or 1 × 1 convolutions (`use_linear_projection`), which here are the same.
        input = try weights.linear("proj_in", inputs: channels, outputs: size)
        output = try weights.linear("proj_out", inputs: size, outputs: channels)
        var blocks: [TransformerBlock] = []
        for index in 0..<layers {
            blocks.append(
                try TransformerBlock(
                    weights["transformer_blocks", index], size: size, heads: heads, contextSize: contextSize,
                    looksOnlyAtText: looksOnlyAtText))
        }
        self.blocks = blocks
    }

    func callAsFunction(_ x: FeatureMap, context: TextContext, pool: ComputePool) -> FeatureMap {
        var hidden = input(norm(x, silu: false, pool: pool).values, pool: pool)
        for block in blocks { hidden = block(hidden, context: context, batch: x.batch, pool: pool) }
        return x.with(output(hidden, adding: x.values, pool: pool))
    }
}
