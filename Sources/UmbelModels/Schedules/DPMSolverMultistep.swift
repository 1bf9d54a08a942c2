internal import UmbelFormats
internal import UmbelTensor

/// DPM-Solver and DPM-Solver++ with the answers of the steps before (2M, 3M), and their stochastic forms (SDE).
/// Lu and others, arXiv 2206.00927 and 2211.01095
package struct DPMSolverMultistep: Schedule {
    package static let className = "DPMSolverMultistepScheduler"
    /// From as many steps on, the end is stable enough for the full order.
    private static let manySteps = 15
    package let plan: SchedulePlan
    private let settings: SolverSettings
    private let levels: [NoiseLevel]
    /// The highest order of each step.
    private let orders: [Int]

    package init(_ config: ScheduleConfig, steps: Int, eta: Double) throws(ScheduleError) {
        settings = try SolverSettings(config)
        let alphas = try AlphaTable(config, .init(terminal: .bounded))
        let betas = config.value("beta_schedule")?.string
        let layout = try SolverPlan(
            alphas, steps: steps,
            .init(
                layout: try TimestepSpacing.Settings(config, default: .linspace),
                spacing: try SigmaSpacing(config, hasLu: true), final: settings.final,
                lowestLambda: try config.number("lambda_min_clipped") ?? -.infinity,
                rounds: betas != AlphaTable.Betas.cosine.rawValue))
        plan = layout.plan(steps: steps, settings.prediction)
        levels = layout.levels
        let lowersEnd = try config.flag("lower_order_final", default: true)
        let endsWithEuler = try config.flag("euler_at_final")
        orders = Self.orders(settings, count: plan.evaluations, lowersEnd: lowersEnd, endsWithEuler: endsWithEuler)
    }

    private static func orders(
        _ settings: SolverSettings, count: Int, lowersEnd: Bool, endsWithEuler: Bool
    ) -> [Int] {
        var orders = Array(repeating: settings.order, count: count)
        let lowers = lowersEnd && count < manySteps
        if count > 1, lowers { orders[count - 2] = min(orders[count - 2], 2) }
        if endsWithEuler || lowers || settings.final == .zero { orders[count - 1] = 1 }
        return orders
    }

    package func method(count: Int) -> any StepMethod {
        DPMSolverMultistepMethod(
            settings: settings, levels: levels, orders: orders,
            answers: RecentNumbers(capacity: settings.order, of: count), memory: Matrix(rows: 1, columns: count))
    }
}

private struct DPMSolverMultistepMethod: StepMethod {
    let settings: SolverSettings
    let levels: [NoiseLevel]
    let orders: [Int]
    var answers: RecentNumbers
    /// Room for fresh noise.
    let memory: Matrix

    mutating func step(_ output: Numbers, _ sample: Numbers, at index: Int, noise: inout some NoiseSource) {
        settings.convert(output, sample, at: levels[index], into: answers.append())
        weights(index).apply(
            to: sample, answers, drawing: settings.algorithm.isStochastic, room: Numbers(memory), noise: &noise)
    }

    private func weights(_ index: Int) -> SolverWeights {
        let step = ExponentialStep(algorithm: settings.algorithm, start: levels[index], end: levels[index + 1])
        let newest = SIMD3<Double>(1, 0, 0)
        let order = min(orders[index], answers.count)
        guard order > 1 else { return SolverWeights(step, [newest], [step.zeroth]) }
        let length = levels[index + 1].lambda - levels[index].lambda
        let ratio = (levels[index].lambda - levels[index - 1].lambda) / length
        let difference = SIMD3<Double>(1, -1, 0) / ratio
        guard order > 2 else {
            let factor = settings.kind == .midpoint ? step.zeroth / 2 : step.first
            return SolverWeights(step, [newest, difference], [step.zeroth, factor])
        }
        let older = (levels[index - 1].lambda - levels[index - 2].lambda) / length
        let bend = (difference - SIMD3<Double>(0, 1, -1) / older) / (ratio + older)
        return SolverWeights(
            step, [newest, difference + bend * ratio, bend], [step.zeroth, step.first, step.second])
    }
}
