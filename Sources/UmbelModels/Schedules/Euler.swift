/// Euler's method on the probability flow: x ← x + (x − picture)/σ · (σ′ − σ).
/// Karras and others, arXiv 2206.00364, algorithm 2 without churn.
package struct Euler: Schedule {
    package static let className = "EulerDiscreteScheduler"
    package let plan: SchedulePlan
    private let prediction: Prediction

    /// What `interpolation_type` may be.
    private enum Interpolation: String {
        case linear
        case logarithmic = "log_linear"
    }

    /// What `timestep_type` may be.
    private enum TimestepType: String {
        case discrete, continuous
    }

    package init(_ config: ScheduleConfig, steps: Int, eta: Double) throws(ScheduleError) {
        let table = SigmaTable(try AlphaTable(config, .init(terminal: .bounded)))
        prediction = try Prediction(config, alsoOriginal: true)
        let type = try config.choice("timestep_type", default: TimestepType.discrete)
        let options = ExplodingPlan.Options(
            spacing: try SigmaSpacing(config), largest: try config.sigma("sigma_max"),
            smallest: try config.sigma("sigma_min"), final: try config.choice("final_sigmas_type", default: .zero),
            interpolatesLogarithms: try config.choice("interpolation_type", default: Interpolation.linear)
                == .logarithmic,
            isContinuous: type == .continuous && prediction == .velocity)
        plan = try ExplodingPlan(config, table, steps: steps, options).plan(steps: steps, prediction)
    }

    package func method(count: Int) -> any StepMethod {
        EulerMethod(sigmas: plan.sigmas, slope: Slope(prediction: prediction))
    }
}

private struct EulerMethod: StepMethod {
    let sigmas: [Float]
    let slope: Slope

    mutating func step(_ output: Numbers, _ sample: Numbers, at index: Int, noise: inout some NoiseSource) {
        slope.move(sample, output, from: sigmas[index], to: sigmas[index + 1])
    }
}
