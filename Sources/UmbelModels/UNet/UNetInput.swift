package import UmbelTensor

/// What a U-Net is asked: noisy latents, when, and for which text.
package struct UNetInput: Sendable {
    /// Latents, and for inpainting the mask and the masked picture's latents behind them.
    package let sample: FeatureMap
    /// A time for each picture.
    package let times: [Float]
    /// The text's vectors, (batch · tokens, size).
    package let context: Matrix
    /// What is kept of the text from one step to the next; nil to compute it each time.
    package let projections: TextProjections?
    package let classes: ClassLabels?
    package let added: AddedConditions?
    /// The vector of distilled guidance, (batch, size).
    package let timeCondition: Matrix?

    package init(
        sample: FeatureMap, times: [Float], context: Matrix, projections: TextProjections? = nil,
        classes: ClassLabels? = nil, added: AddedConditions? = nil, timeCondition: Matrix? = nil
    ) {
        self.sample = sample
        self.times = times
        self.context = context
        self.projections = projections
        self.classes = classes
        self.added = added
        self.timeCondition = timeCondition
    }
}
