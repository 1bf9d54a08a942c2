/// The linear multistep method of Adams and Bashforth on the probability flow, of order 4 once it has the slopes.
/// Crowson's k-diffusion
package struct LMS: Schedule {
    package static let className = "LMSDiscreteScheduler"
    private static let order = 4
    package let plan: SchedulePlan
    private let prediction: Prediction
    /// For each step the weights of the last slopes, the newest first.
    private let weights: [[Double]]

    package init(_ config: ScheduleConfig, steps: Int, eta: Double) throws(ScheduleError) {
        let table = SigmaTable(try AlphaTable(config))
        prediction = try Prediction(config)
        plan = try ExplodingPlan(config, table, steps: steps, .init(spacing: try SigmaSpacing(config)))
            .plan(steps: steps, prediction)
        let sigmas = plan.sigmas.map { Double($0) }
        weights = plan.timesteps.indices.map { index in
            let order = min(index + 1, Self.order)
            return (0..<order).map { Self.weight(sigmas, index, order: order, slope: $0) }
        }
    }

    /// ∫ over the step of Lagrange's polynomial that is 1 at a slope's sigma and 0 at the others'. Of degree 3 at most,
    /// so Gauss's rule with two points is exact.
    private static func weight(_ sigmas: [Double], _ index: Int, order: Int, slope: Int) -> Double {
        let half = (sigmas[index + 1] - sigmas[index]) / 2
        let middle = (sigmas[index + 1] + sigmas[index]) / 2
        let offset = half / 3.squareRoot()
        return [middle - offset, middle + offset].reduce(0) { sum, point in
            var product = half
            for other in 0..<order where other != slope {
                product *= (point - sigmas[index - other]) / (sigmas[index - slope] - sigmas[index - other])
            }
            return sum + product
        }
    }

    package func method(count: Int) -> any StepMethod {
        LMSMethod(
            sigmas: plan.sigmas, slope: Slope(prediction: prediction), weights: weights,
            slopes: RecentNumbers(capacity: Self.order, of: count))
    }
}

private struct LMSMethod: StepMethod {
    let sigmas: [Float]
    let slope: Slope
    let weights: [[Double]]
    var slopes: RecentNumbers

    mutating func step(_ output: Numbers, _ sample: Numbers, at index: Int, noise: inout some NoiseSource) {
        slopes.append().set(slope.mix(at: sigmas[index]), sample: sample, output: output)
        // A run that begins late lacks slopes; diffusers takes the weights as they are all the same.
        for (age, weight) in weights[index].prefix(slopes.count).enumerated() { sample.add(weight, slopes[age]) }
    }
}
