package import UmbelTensor

/// x′ + conv₂(act(norm₂(conv₁(act(norm₁(x))) + W · act(t)))), divided by a factor; x′ is x, or W_s · x where the number of
/// channels changes. The time vector t is left out in autoencoders.
package struct ResnetBlock: Sendable {
    /// What the blocks of one network have in common.
    package struct Style: Hashable, Sendable {
        package var groups: Int
        package var epsilon: Double
        package var activation: Activation
        /// Length of the time vector; nil in a network that has none.
        package var timeSize: Int?
        /// The time vector scales and shifts what norm₂ gives, rather than being added before.
        package var scalesAndShifts = false
        /// The time vector is taken as it is, without the activation.
        package var skipsTimeActivation = false
        /// What the sum is divided by.
        package var outputFactor: Float = 1
    }

    /// What happens to the size within the block.
    package enum Resampling: Hashable, Sendable {
        case none
        case halved
        case doubled
    }

    private let style: Style
    private let resampling: Resampling
    private let norm1: GroupNorm
    private let convolution1: Convolution
    private let time: Linear?
    private let norm2: GroupNorm
    private let convolution2: Convolution
    private let shortcut: Linear?

    /// - Throws: if a tensor is missing or has another shape.
    init(
        _ weights: Weights, inputs: Int, outputs: Int, _ style: Style, resampling: Resampling = .none
    ) throws(ModelError) {
        self.style = style
        self.resampling = resampling
        norm1 = try weights.groupNorm("norm1", channels: inputs, groups: style.groups, epsilon: style.epsilon)
        convolution1 = try weights.convolution("conv1", inputs: inputs, outputs: outputs)
        if let size = style.timeSize {
            let width = style.scalesAndShifts ? 2 * outputs : outputs
            time = try weights.linear("time_emb_proj", inputs: size, outputs: width)
        } else {
            time = nil
        }
        norm2 = try weights.groupNorm("norm2", channels: outputs, groups: style.groups, epsilon: style.epsilon)
        convolution2 = try weights.convolution("conv2", inputs: outputs, outputs: outputs)
        shortcut = inputs == outputs ? nil : try weights.linear("conv_shortcut", inputs: inputs, outputs: outputs)
    }

    /// - Parameters:
    ///   - time: needed where the style has a time vector.
    ///   - size: of the result, where the block doubles it; nil for exactly twice.
    package func callAsFunction(
        _ x: FeatureMap, time vector: TimeVector? = nil, size: (height: Int, width: Int)? = nil, pool: ComputePool
    ) -> FeatureMap {
        let normal = norm1.activated(x, style.activation, pool: pool)
        var hidden = convolution1(resampled(normal, size, pool), pool: pool)
        let projected = vector.flatMap { vector in
            time.map { $0(style.skipsTimeActivation ? vector.plain : vector.activated, pool: pool) }
        }
        if let projected, style.scalesAndShifts {
            hidden = norm2(hidden, silu: false, pool: pool)
            hidden.modulate(projected, pool: pool)
            style.activation.apply(to: hidden.values, pool: pool)
        } else {
            if let projected { hidden.add(projected, pool: pool) }
            hidden = norm2.activated(hidden, style.activation, pool: pool)
        }
        var residual = resampled(x, size, pool)
        if let shortcut { residual = residual.with(shortcut(residual.values, pool: pool)) }
        let out = convolution2(hidden, adding: residual, pool: pool)
        if style.outputFactor != 1 { out.rescale(by: 1 / style.outputFactor, pool: pool) }
        return out
    }

    private func resampled(_ x: FeatureMap, _ size: (height: Int, width: Int)?, _ pool: ComputePool) -> FeatureMap {
        switch resampling {
        case .none: x
        case .halved: x.averagedPairs(pool: pool)
        case .doubled: x.nearest(height: size?.height ?? 2 * x.height, width: size?.width ?? 2 * x.width, pool: pool)
        }
    }
}

/// The vector that tells a network's blocks the time, and whatever else is added to it.
package struct TimeVector: Sendable {
    /// (batch, size)
    package let plain: Matrix
    /// The activation of it, which most blocks want and which is taken once.
    package let activated: Matrix

    package init(_ vector: Matrix, activation: Activation, pool: ComputePool) {
        plain = vector
        activated = vector.copy()
        activation.apply(to: activated, pool: pool)
    }
}

extension GroupNorm {
    /// The activation of the norm; at once where that is SiLU.
    func activated(_ x: FeatureMap, _ activation: Activation, pool: ComputePool) -> FeatureMap {
        let out = self(x, silu: activation == .silu, pool: pool)
        if activation != .silu { activation.apply(to: out.values, pool: pool) }
        return out
    }
}
