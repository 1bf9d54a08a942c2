internal import UmbelTensor

/// What every block of a U-Net sees beside the picture.
package struct BlockConditions: Sendable {
    package let time: TimeVector
    package let context: TextContext

    package init(time: TimeVector, context: TextContext) {
        self.time = time
        self.context = context
    }
}

/// What a block of a U-Net is made of, beside its weights.
package struct BlockPlan: Sendable {
    package var weights: Weights
    package var style: ResnetBlock.Style
    package var level: UNetConfiguration.Level
    /// Channels of what comes in: for a block on the way up, from the block before it.
    package var inputs: Int
    package var outputs: Int
    /// On the way up, channels of what the last of its layers gets from the way down.
    package var skipped: Int
    /// The block at the end of each way changes no size.
    package var resamples: Bool
    package var downsamplePadding: Int
    package var middleTransformerLayers: Int
    package var middleLooksOnlyAtText: Bool
    /// For block types that look at text and places at once.
    package var normalizesContext: Bool

    /// The block's path in diffusers' words.
    var name: String { weights.path }
}

/// A block on the way down.
package protocol DownBlock: Sendable {
    /// - Returns: the output of each layer, and of what halves the size, for the way up; the last is the block's output.
    func callAsFunction(
        _ x: FeatureMap, _ conditions: BlockConditions, _ pass: ForwardPass
    ) throws(ModelError) -> [FeatureMap]
}

/// The block between the ways.
package protocol MiddleBlock: Sendable {
    func callAsFunction(
        _ x: FeatureMap, _ conditions: BlockConditions, _ pass: ForwardPass
    ) throws(ModelError) -> FeatureMap
}

/// A block on the way up.
package protocol UpBlock: Sendable {
    /// How many outputs of the way down it takes.
    var layers: Int { get }

    /// - Parameters:
    ///   - skips: outputs of the way down, `layers` many; the last one is taken first.
    ///   - size: of the result, where it is not twice that of x.
    func callAsFunction(
        _ x: FeatureMap, skips: [FeatureMap], size: (height: Int, width: Int)?, _ conditions: BlockConditions,
        _ pass: ForwardPass
    ) throws(ModelError) -> FeatureMap
}
