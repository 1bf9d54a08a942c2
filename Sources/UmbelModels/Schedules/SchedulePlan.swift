/// The course of a schedule: when the model is evaluated, and how noisy its sample is at each of these times.
package struct SchedulePlan: Sendable {
    /// What a schedule calls a sample of noise level (α, σ).
    enum Space: Sendable {
        /// α·picture + σ·noise; what the model itself takes.
        case preserving
        /// picture + (σ/α)·noise; scaled by α before the model sees it.
        case exploding
    }

    /// One for each evaluation, in their order.
    package let timesteps: [Float]
    /// σ/α where the steps begin, and where the last one ends; empty for schedules that know timesteps only. As
    /// diffusers lists them.
    package let sigmas: [Float]
    /// What noise of variance 1 is multiplied by to be the first sample.
    package let initialScale: Float
    /// What was asked for: evaluations may be more.
    package let steps: Int
    /// Heun evaluates twice a step, except at the last.
    package let evaluationsPerStep: Int
    let prediction: Prediction
    let levels: [NoiseLevel]
    let space: Space

    init(
        timesteps: [Float], sigmas: [Float] = [], prediction: Prediction, levels: [NoiseLevel], space: Space,
        initialScale: Float = 1, steps: Int, evaluationsPerStep: Int = 1
    ) {
        self.timesteps = timesteps
        self.prediction = prediction
        self.sigmas = sigmas
        self.levels = levels
        self.space = space
        self.initialScale = initialScale
        self.steps = steps
        self.evaluationsPerStep = evaluationsPerStep
    }

    /// How often a run evaluates the model.
    package var evaluations: Int { timesteps.count }

    /// What the sample is multiplied by before the model sees it.
    package func inputScale(at index: Int) -> Float {
        space == .exploding ? Float(levels[index].alpha) : 1
    }

    /// How much of a picture's latents and how much noise of variance 1 make the sample at an evaluation.
    package func mixture(at index: Int) -> (picture: Float, noise: Float) {
        let level = levels[index]
        switch space {
        case .preserving: return (Float(level.alpha), Float(level.sigma))
        case .exploding: return (1, Float(level.ratio))
        }
    }

    /// Makes latents the sample of an evaluation, by `mixture`.
    package func addNoise(
        to latents: UnsafeMutableBufferPointer<Float>, noise: UnsafePointer<Float>, at index: Int
    ) {
        let mixture = mixture(at: index)
        for place in latents.indices {
            latents[place] = mixture.picture * latents[place] + mixture.noise * noise[place]
        }
    }

    /// The picture's latents as the model sees them at an evaluation: what the sample and the model's answer to it say
    /// the noise hides. For previews; the steps do not need it.
    ///
    /// - Parameter estimate: room for as many numbers as the sample has.
    package func estimate(
        sample: UnsafePointer<Float>, output: UnsafePointer<Float>, at index: Int,
        into estimate: UnsafeMutableBufferPointer<Float>
    ) {
        guard let start = estimate.baseAddress else { return }
        let level = levels[index]
        Numbers(start: start, count: estimate.count).set(
            space == .exploding ? prediction.cleanOfExploding(level) : prediction.clean(level),
            sample: Numbers(start: UnsafeMutablePointer(mutating: sample), count: estimate.count),
            output: Numbers(start: UnsafeMutablePointer(mutating: output), count: estimate.count))
    }

    /// The evaluation with which image-to-image begins: strength 1 does all steps, less leaves out the first ones.
    ///
    /// - Throws: `strength` unless it is above 0, at most 1, and leaves a step to do.
    package func start(strength: Double) throws(ScheduleError) -> Int {
        guard strength > 0, strength <= 1 else { throw .strength(strength) }
        let start = (steps - min(Int(Double(steps) * strength), steps)) * evaluationsPerStep
        guard start < timesteps.count, Int(Double(steps) * strength) > 0 else { throw .strength(strength) }
        return start
    }
}
