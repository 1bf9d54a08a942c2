internal import UmbelTensor

/// Denoising diffusion implicit models, Song and others, arXiv 2010.02502, equations 12 and 16:
/// x ← √ᾱ′·picture + √(1 − ᾱ′ − s²)·noise + s·fresh noise, s² = η² (1 − ᾱ′)/(1 − ᾱ)·(1 − ᾱ/ᾱ′).
package struct DDIM: Schedule {
    package static let className = "DDIMScheduler"
    package let plan: SchedulePlan
    private let prediction: Prediction
    private let limit: CleanLimit
    /// ᾱ at the beginning and at the end of each step.
    private let products: [(start: Float, end: Float)]
    private let eta: Double

    package init(_ config: ScheduleConfig, steps: Int, eta: Double) throws(ScheduleError) {
        let alphas = try AlphaTable(config, .init(terminal: .exact))
        let layout = try TimestepPlan(config, alphas, steps: steps)
        prediction = try Prediction(config)
        limit = try CleanLimit(config, clips: true, thresholds: true)
        let last = try config.flag("set_alpha_to_one", default: true) ? 1 : alphas.products[0]
        products = layout.timesteps.map { timestep in
            let next = timestep - layout.stride
            return (alphas.products[timestep], next >= 0 ? alphas.products[next] : last)
        }
        plan = layout.plan(layout.timesteps, prediction)
        guard (0...1).contains(eta) else { throw .outOfRange(field: "eta") }
        self.eta = eta
    }

    package func method(count: Int) -> any StepMethod {
        DDIMMethod(
            prediction: prediction, limit: limit, products: products, eta: eta,
            memory: Matrix(rows: 1, columns: count))
    }
}

private struct DDIMMethod: StepMethod {
    let prediction: Prediction
    let limit: CleanLimit
    let products: [(start: Float, end: Float)]
    let eta: Double
    /// Room for the picture, then for fresh noise.
    let memory: Matrix

    mutating func step(_ output: Numbers, _ sample: Numbers, at index: Int, noise: inout some NoiseSource) {
        let (start, end) = products[index]
        let (level, target) = (NoiseLevel(product: start), NoiseLevel(product: end))
        let variance = Double(1 - end) / Double(1 - start) * Double(1 - start / end)
        let deviation = eta * variance.squareRoot()
        let direction = (target.sigma * target.sigma - deviation * deviation).squareRoot()

        let room = Numbers(memory)
        room.set(prediction.clean(level), sample: sample, output: output)
        limit.apply(to: room, pictures: sample.pictures)
        let remaining = prediction.noise(level)
        sample.set(
            Prediction.Mix(sample: direction * remaining.sample, output: direction * remaining.output), sample: sample,
            output: output)
        sample.add(target.alpha, room)
        guard eta > 0 else { return }
        noise.fill(room.buffer)
        sample.add(deviation, room)
    }
}
