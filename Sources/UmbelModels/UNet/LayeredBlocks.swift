internal import UmbelTensor

/// What may follow a resnet: an attention of some kind.
protocol PictureAttention: Sendable {
    func callAsFunction(_ x: FeatureMap, _ conditions: BlockConditions, pool: ComputePool) -> FeatureMap
}

extension SpatialTransformer: PictureAttention {
    func callAsFunction(_ x: FeatureMap, _ conditions: BlockConditions, pool: ComputePool) -> FeatureMap {
        self(x, context: conditions.context, pool: pool)
    }
}

extension JoinedAttention: PictureAttention {
    func callAsFunction(_ x: FeatureMap, _ conditions: BlockConditions, pool: ComputePool) -> FeatureMap {
        self(x, context: conditions.context, pool: pool)
    }
}

extension SelfAttentionBlock: PictureAttention {
    func callAsFunction(_ x: FeatureMap, _ conditions: BlockConditions, pool: ComputePool) -> FeatureMap {
        self(x, pool: pool)
    }
}

/// Resnets one after the other, each followed by an attention or not: what all blocks of a U-Net are made of.
struct Layers: Sendable {
    let name: String
    let resnets: [ResnetBlock]
    /// As many as resnets, or none.
    let attentions: [any PictureAttention]

    /// One layer.
    func callAsFunction(
        _ index: Int, _ x: FeatureMap, _ conditions: BlockConditions, _ pass: ForwardPass
    ) throws(ModelError) -> FeatureMap {
        let hidden = resnets[index](x, time: conditions.time, pool: pass.pool)
        try pass.finished("\(name).resnets.\(index)", hidden)
        guard index < attentions.count else { return hidden }
        let attended = attentions[index](hidden, conditions, pool: pass.pool)
        try pass.finished("\(name).attentions.\(index)", attended)
        return attended
    }
}

/// Changes the size at the end of a block.
enum Resizing: Sendable {
    case halving(Downsampler)
    case doubling(Upsampler)
    case resnet(ResnetBlock)

    func callAsFunction(
        _ x: FeatureMap, size: (height: Int, width: Int)? = nil, _ conditions: BlockConditions, pool: ComputePool
    ) -> FeatureMap {
        switch self {
        case .halving(let downsampler): downsampler(x, pool: pool)
        case .doubling(let upsampler): upsampler(x, size: size, pool: pool)
        case .resnet(let resnet): resnet(x, time: conditions.time, size: size, pool: pool)
        }
    }
}

/// Layers, then half the size.
struct LayeredDownBlock: DownBlock {
    let layers: Layers
    let resizing: Resizing?

    func callAsFunction(
        _ x: FeatureMap, _ conditions: BlockConditions, _ pass: ForwardPass
    ) throws(ModelError) -> [FeatureMap] {
        var (hidden, outputs) = (x, [FeatureMap]())
        for index in layers.resnets.indices {
            hidden = try layers(index, hidden, conditions, pass)
            outputs.append(hidden)
        }
        if let resizing { outputs.append(resizing(hidden, conditions, pool: pass.pool)) }
        return outputs
    }
}

/// Layers of one size.
struct LayeredMiddleBlock: MiddleBlock {
    let layers: Layers

    func callAsFunction(
        _ x: FeatureMap, _ conditions: BlockConditions, _ pass: ForwardPass
    ) throws(ModelError) -> FeatureMap {
        var hidden = x
        for index in layers.resnets.indices { hidden = try layers(index, hidden, conditions, pass) }
        return hidden
    }
}

/// Layers, each of which takes an output of the way down beside its input; then twice the size.
struct LayeredUpBlock: UpBlock {
    let parts: Layers
    let resizing: Resizing?

    var layers: Int { parts.resnets.count }

    func callAsFunction(
        _ x: FeatureMap, skips: [FeatureMap], size: (height: Int, width: Int)?, _ conditions: BlockConditions,
        _ pass: ForwardPass
    ) throws(ModelError) -> FeatureMap {
        precondition(skips.count == layers)
        var hidden = x
        for (index, skip) in skips.reversed().enumerated() {
            hidden = try parts(index, hidden.concatenated(with: skip, pool: pass.pool), conditions, pass)
        }
        return resizing?(hidden, size: size, conditions, pool: pass.pool) ?? hidden
    }
}
