internal import UmbelTensor

/// Heun's method on the probability flow: a step of Euler's, then again with the mean of the slopes at both ends. Two
/// evaluations a step; the last, to σ = 0, is Euler's.     Karras and others, arXiv 2206.00364, algorithm 1
package struct Heun: Schedule {
    package static let className = "HeunDiscreteScheduler"
    package let plan: SchedulePlan
    private let prediction: Prediction
    private let limit: CleanLimit

    package init(_ config: ScheduleConfig, steps: Int, eta: Double) throws(ScheduleError) {
        let alphas = try AlphaTable(
            config, .init(start: 0.00085, end: 0.012, allowed: AlphaTable.Betas.common.union([.exponential])))
        prediction = try Prediction(config)
        limit = try CleanLimit(config, clips: false, thresholds: false)
        let once = try ExplodingPlan(config, SigmaTable(alphas), steps: steps, .init(spacing: try SigmaSpacing(config)))
        let sigmas = Self.doubled(once.sigmas.dropLast()) + once.sigmas.suffix(1)
        let timesteps = Self.doubled(once.timesteps[...])
        plan = SchedulePlan(
            timesteps: timesteps, sigmas: sigmas, prediction: prediction,
            levels: sigmas.prefix(timesteps.count).map { NoiseLevel(ratio: $0) }, space: .exploding,
            initialScale: once.initialScale, steps: steps, evaluationsPerStep: 2)
    }

    /// All but the first twice: as the end of a step, and as the beginning of the next.
    private static func doubled(_ values: ArraySlice<Float>) -> [Float] {
        values.prefix(1) + values.dropFirst().flatMap { [$0, $0] }
    }

    package func method(count: Int) -> any StepMethod {
        HeunMethod(
            sigmas: plan.sigmas, prediction: prediction, limit: limit, memory: Matrix(rows: 3, columns: count))
    }
}

private struct HeunMethod: StepMethod {
    let sigmas: [Float]
    let prediction: Prediction
    let limit: CleanLimit
    /// The sample and the slope at the step's beginning, and room for the slope at its end.
    let memory: Matrix
    /// Whether the evaluation at the step's beginning is done.
    var isHalfway = false

    mutating func step(_ output: Numbers, _ sample: Numbers, at index: Int, noise: inout some NoiseSource) {
        let (start, first, second) = (Numbers(memory, row: 0), Numbers(memory, row: 1), Numbers(memory, row: 2))
        if isHalfway {
            slope(into: second, output, sample, at: sigmas[index])
            let step = Double(sigmas[index]) - Double(sigmas[index - 1])
            sample.copy(start)
            sample.add(step / 2, first)
            sample.add(step / 2, second)
            isHalfway = false
        } else {
            slope(into: first, output, sample, at: sigmas[index])
            start.copy(sample)
            sample.add(Double(sigmas[index + 1]) - Double(sigmas[index]), first)
            // The step to 0 has no slope at its end, and no further evaluation.
            isHalfway = true
        }
    }

    /// (x − picture)/σ, with the picture kept in range.
    private func slope(into slope: Numbers, _ output: Numbers, _ sample: Numbers, at sigma: Float) {
        guard case .clip = limit else {
            return slope.set(Slope(prediction: prediction).mix(at: sigma), sample: sample, output: output)
        }
        slope.set(prediction.cleanOfExploding(NoiseLevel(ratio: sigma)), sample: sample, output: output)
        limit.apply(to: slope, pictures: sample.pictures)
        slope.scale(by: -1 / Double(sigma))
        slope.add(1 / Double(sigma), sample)
    }
}
