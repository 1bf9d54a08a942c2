internal import UmbelTensor

/// Euler's method that goes down further than the step and puts noise back: with σ↑² = σ′²(σ² − σ′²)/σ² and
/// σ↓² = σ′² − σ↑², a step to σ↓, then σ↑ times fresh noise.     Crowson's k-diffusion
package struct EulerAncestral: Schedule {
    package static let className = "EulerAncestralDiscreteScheduler"
    package let plan: SchedulePlan
    private let prediction: Prediction

    package init(_ config: ScheduleConfig, steps: Int, eta: Double) throws(ScheduleError) {
        let table = SigmaTable(try AlphaTable(config, .init(terminal: .bounded)))
        prediction = try Prediction(config, allowed: [.epsilon, .velocity])
        plan = try ExplodingPlan(config, table, steps: steps, .init()).plan(steps: steps, prediction)
    }

    package func method(count: Int) -> any StepMethod {
        EulerAncestralMethod(
            sigmas: plan.sigmas, slope: Slope(prediction: prediction), memory: Matrix(rows: 1, columns: count))
    }
}

private struct EulerAncestralMethod: StepMethod {
    let sigmas: [Float]
    let slope: Slope
    /// Room for noise.
    let memory: Matrix

    mutating func step(_ output: Numbers, _ sample: Numbers, at index: Int, noise: inout some NoiseSource) {
        let (start, end) = (Double(sigmas[index]), Double(sigmas[index + 1]))
        let up = (end * end * (start * start - end * end) / (start * start)).squareRoot()
        let down = max(end * end - up * up, 0).squareRoot()
        slope.move(sample, output, from: sigmas[index], to: Float(down))
        // At the last step too, where nothing of it is used: the generator stands where that of diffusers would.
        let fresh = Numbers(memory)
        noise.fill(fresh.buffer)
        sample.add(up, fresh)
    }
}
