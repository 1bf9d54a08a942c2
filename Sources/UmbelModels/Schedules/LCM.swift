internal import UmbelTensor

/// Multistep sampling of latent consistency models, Luo and others, arXiv 2310.04378: the picture is predicted, and
/// noised again to the next timestep: x ← √ᾱ′·p + √(1 − ᾱ′)·fresh noise, p = c_out·picture + c_skip·x; the last step
/// ends at p.
package struct LCM: Schedule {
    package static let className = "LCMScheduler"
    /// The deviation of the data that the boundary conditions assume.
    private static let dataDeviation = 0.5
    package let plan: SchedulePlan
    private let prediction: Prediction
    private let limit: CleanLimit
    private let weights: [Weights]

    /// Of one step.
    fileprivate struct Weights {
        let level: NoiseLevel
        /// c_out and c_skip.
        let picture: Double
        let sample: Double
        /// The level that is noised to; nil at the last step.
        let target: NoiseLevel?
    }

    package init(_ config: ScheduleConfig, steps: Int, eta: Double) throws(ScheduleError) {
        let alphas = try AlphaTable(
            config, .init(start: 0.00085, end: 0.012, betas: .scaledLinear, terminal: .exact))
        prediction = try Prediction(config)
        limit = try CleanLimit(config, clips: false, thresholds: true)
        let scale = try config.number("timestep_scaling", default: 10, in: 0...1e9)
        let timesteps = try Self.timesteps(config, trained: alphas.count, steps: steps)
        weights = timesteps.indices.map { index in
            let time = Double(timesteps[index]) * scale
            let (data, square) = (Self.dataDeviation * Self.dataDeviation, time * time)
            return Weights(
                level: NoiseLevel(product: alphas.products[timesteps[index]]),
                picture: time / (square + data).squareRoot(), sample: data / (square + data),
                target: index + 1 < timesteps.count
                    ? NoiseLevel(product: alphas.products[timesteps[index + 1]]) : nil)
        }
        plan = SchedulePlan(
            timesteps: timesteps.map { Float($0) }, prediction: prediction, levels: weights.map(\.level),
            space: .preserving, steps: steps)
    }

    /// Some of those timesteps that the model was distilled with, spread evenly from the noisiest on.
    private static func timesteps(
        _ config: ScheduleConfig, trained: Int, steps: Int
    ) throws(ScheduleError) -> [Int] {
        let distilled = try config.integer("original_inference_steps", default: 50, in: 1...trained)
        guard (1...distilled).contains(steps) else { throw .steps(steps, allowed: 1...distilled) }
        let stride = trained / distilled
        let gap = Double(distilled) / Double(steps)
        return (0..<steps).map { (distilled - Int(Double($0) * gap)) * stride - 1 }
    }

    package func method(count: Int) -> any StepMethod {
        LCMMethod(prediction: prediction, limit: limit, weights: weights, memory: Matrix(rows: 1, columns: count))
    }
}

private struct LCMMethod: StepMethod {
    let prediction: Prediction
    let limit: CleanLimit
    let weights: [LCM.Weights]
    /// Room for the picture, then for fresh noise.
    let memory: Matrix

    mutating func step(_ output: Numbers, _ sample: Numbers, at index: Int, noise: inout some NoiseSource) {
        let weights = weights[index]
        let room = Numbers(memory)
        room.set(prediction.clean(weights.level), sample: sample, output: output)
        limit.apply(to: room, pictures: sample.pictures)
        sample.scale(by: weights.sample)
        sample.add(weights.picture, room)
        guard let target = weights.target else { return }
        noise.fill(room.buffer)
        sample.scale(by: target.alpha)
        sample.add(target.sigma, room)
    }
}
