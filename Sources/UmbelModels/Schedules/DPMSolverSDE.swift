internal import Glibc
internal import UmbelTensor

/// DPM-Solver++ for the stochastic equation in two stages: half a step in ln σ, then the whole one with what the model
/// answered in the middle. Each goes down to σ↓, as Euler's ancestral step, and puts σ↑ times noise back, which is a
/// piece of one Brownian motion over σ. Two evaluations a step; the last, to σ = 0, is Euler's.     Crowson's k-diffusion
package struct DPMSolverSDE: Schedule {
    package static let className = "DPMSolverSDEScheduler"
    package let plan: SchedulePlan
    private let prediction: Prediction
    /// In place of the picture's own.
    private let noiseSeed: UInt64?

    package init(_ config: ScheduleConfig, steps: Int, eta: Double) throws(ScheduleError) {
        let table = SigmaTable(try AlphaTable(config, .init(start: 0.00085, end: 0.012)))
        prediction = try Prediction(config, allowed: [.epsilon, .velocity])
        noiseSeed = try config.seed("noise_sampler_seed")
        let once = try ExplodingPlan(
            config, table, steps: steps, .init(spacing: try SigmaSpacing(config), hasExactTimes: true))
        let middles = zip(once.sigmas, once.sigmas.dropFirst()).dropLast().map { Self.middle($0, $1) }
        var timesteps = Array(once.timesteps.prefix(1))
        var levels = [NoiseLevel(ratio: once.sigmas[0])]
        var sigmas = [once.sigmas[0]]
        for (index, middle) in middles.enumerated() {
            timesteps += [Float(table.time(of: Double(middle))), once.timesteps[index + 1]]
            levels += [NoiseLevel(ratio: middle), NoiseLevel(ratio: once.sigmas[index + 1])]
            sigmas += [once.sigmas[index + 1], once.sigmas[index + 1]]
        }
        plan = SchedulePlan(
            timesteps: timesteps, sigmas: sigmas + [0], prediction: prediction, levels: levels, space: .exploding,
            initialScale: once.initialScale, steps: steps, evaluationsPerStep: 2)
    }

    /// Halfway in ln σ.
    static func middle(_ sigma: Float, _ next: Float) -> Float {
        let (start, end) = (-logf(sigma), -logf(next))
        return expf(-(start + (end - start) * 0.5))
    }

    /// A sigma as it comes back from its logarithm: the noise is looked up to six decimal places, so that the last bit counts.
    static func returned(_ sigma: Float) -> Float { expf(logf(sigma)) }

    package func method(count: Int) -> any StepMethod {
        DPMSolverSDEMethod(
            sigmas: plan.sigmas, prediction: prediction, noiseSeed: noiseSeed, memory: Matrix(rows: 2, columns: count))
    }
}

private struct DPMSolverSDEMethod: StepMethod {
    let sigmas: [Float]
    let prediction: Prediction
    let noiseSeed: UInt64?
    /// The sample at the step's beginning, and room for the picture.
    let memory: Matrix
    /// Whether the evaluation at the step's beginning is done.
    var isHalfway = false

    mutating func step(_ output: Numbers, _ sample: Numbers, at index: Int, noise: inout some NoiseSource) {
        let (start, picture) = (Numbers(memory, row: 0), Numbers(memory, row: 1))
        let (sigma, next) = isHalfway ? (sigmas[index - 1], sigmas[index]) : (sigmas[index], sigmas[index + 1])
        guard next > 0 else { return Slope(prediction: prediction).move(sample, output, from: sigma, to: 0) }
        let middle = DPMSolverSDE.middle(sigma, next)
        let level = NoiseLevel(ratio: isHalfway ? middle : sigma)
        picture.set(prediction.cleanOfExploding(level), sample: sample, output: output)
        if isHalfway { sample.copy(start) } else { start.copy(sample) }
        let end = isHalfway ? DPMSolverSDE.returned(next) : middle
        move(sample, picture, from: DPMSolverSDE.returned(sigma), to: end, seed: noiseSeed ?? noise.seed, noise)
        isHalfway.toggle()
    }

    /// x ← (σ↓/σ)·x + (1 − σ↓/σ)·picture + σ↑·noise, with σ↑² = σ′²(σ² − σ′²)/σ² and σ↓² = σ′² − σ↑².
    private func move<Noise: NoiseSource>(
        _ sample: Numbers, _ picture: Numbers, from sigma: Float, to next: Float, seed: UInt64, _: Noise
    ) {
        let (from, to) = (Double(sigma), Double(next))
        let up = min(to, (to * to * (from * from - to * to) / (from * from)).squareRoot())
        let down = max(to * to - up * up, 0).squareRoot()
        sample.scale(by: down / from)
        sample.add(1 - down / from, picture)
        let tree = BrownianTree<Noise>(seed: seed, count: sample.count, from: smallest, to: largest)
        var increments = tree.increments(to, from)
        // The motion runs towards larger σ, the steps towards smaller.
        let scale = -up / (from - to).squareRoot()
        increments.withUnsafeMutableBufferPointer { increments in
            guard let start = increments.baseAddress else { return }
            sample.add(scale, Numbers(start: start, count: increments.count))
        }
    }

    /// The least σ above 0.
    private var smallest: Double { sigmas.reduce(largest) { $1 > 0 ? min($0, Double($1)) : $0 } }
    private var largest: Double { sigmas.reduce(0) { max($0, Double($1)) } }
}
