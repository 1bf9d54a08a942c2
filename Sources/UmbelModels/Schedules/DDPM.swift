internal import UmbelTensor

/// Denoising diffusion probabilistic models, Ho and others, arXiv 2006.11239, equations 6 and 7. With a = ᾱ/ᾱ′:
/// x ← √ᾱ′·(1 − a)/(1 − ᾱ)·picture + √a·(1 − ᾱ′)/(1 − ᾱ)·x + s·fresh noise.
package struct DDPM: Schedule {
    package static let className = "DDPMScheduler"
    package let plan: SchedulePlan
    private let prediction: Prediction
    private let limit: CleanLimit
    private let weights: [Weights]

    /// What `variance_type` may be; the learned ones need a model that answers with variances.
    private enum Variance: String {
        case small = "fixed_small"
        case smallLogarithm = "fixed_small_log"
        case large = "fixed_large"
    }

    /// Of one step.
    fileprivate struct Weights {
        let level: NoiseLevel
        let picture: Double
        let sample: Double
        /// nil at timestep 0, where no noise is drawn.
        let noise: Double?
    }

    package init(_ config: ScheduleConfig, steps: Int, eta: Double) throws(ScheduleError) {
        let allowed = AlphaTable.Betas.common.union([.laplace, .sigmoid])
        let alphas = try AlphaTable(config, .init(terminal: .exact, allowed: allowed))
        let layout = try TimestepPlan(config, alphas, steps: steps)
        prediction = try Prediction(config)
        limit = try CleanLimit(config, clips: true, thresholds: true)
        let variance = try config.choice("variance_type", default: Variance.small)
        let timesteps = layout.timesteps
        weights = timesteps.indices.map { index in
            let end = index + 1 < timesteps.count ? alphas.products[timesteps[index + 1]] : 1
            return Self.weights(
                from: alphas.products[timesteps[index]], to: end, draws: timesteps[index] > 0, variance)
        }
        plan = layout.plan(timesteps, prediction)
    }

    private static func weights(from start: Float, to end: Float, draws: Bool, _ variance: Variance) -> Weights {
        let alpha = Double(start / end)
        let beta = Double(1 - start / end)
        let (before, after) = (Double(1 - start), Double(1 - end))
        let spread = variance == .large ? beta : max(after / before * beta, 1e-20)
        return Weights(
            level: NoiseLevel(product: start), picture: Double(end).squareRoot() * beta / before,
            sample: alpha.squareRoot() * after / before, noise: draws ? spread.squareRoot() : nil)
    }

    package func method(count: Int) -> any StepMethod {
        DDPMMethod(
            prediction: prediction, limit: limit, weights: weights, memory: Matrix(rows: 1, columns: count))
    }
}

private struct DDPMMethod: StepMethod {
    let prediction: Prediction
    let limit: CleanLimit
    let weights: [DDPM.Weights]
    /// Room for the picture, then for fresh noise.
    let memory: Matrix

    mutating func step(_ output: Numbers, _ sample: Numbers, at index: Int, noise: inout some NoiseSource) {
        let weights = weights[index]
        let room = Numbers(memory)
        room.set(prediction.clean(weights.level), sample: sample, output: output)
        limit.apply(to: room, pictures: sample.pictures)
        sample.scale(by: weights.sample)
        sample.add(weights.picture, room)
        guard let deviation = weights.noise else { return }
        noise.fill(room.buffer)
        sample.add(deviation, room)
    }
}
