internal import UmbelTensor

/// DPM-Solver and DPM-Solver++ in groups of up to three steps: each order begins again at the first sample of its
/// group. Lu and others, arXiv 2206.00927 and 2211.01095
package struct DPMSolverSinglestep: Schedule {
    package static let className = "DPMSolverSinglestepScheduler"
    package let plan: SchedulePlan
    private let settings: SolverSettings
    private let levels: [NoiseLevel]
    private let orders: [Int]

    package init(_ config: ScheduleConfig, steps: Int, eta: Double) throws(ScheduleError) {
        settings = try SolverSettings(config)
        guard settings.algorithm != .stochasticNoise else {
            throw .unsupported(field: "algorithm_type", value: settings.algorithm.rawValue)
        }
        let alphas = try AlphaTable(config)
        let layout = try SolverPlan(
            alphas, steps: steps,
            .init(
                layout: .evenly, spacing: try SigmaSpacing(config), final: settings.final,
                lowestLambda: try config.number("lambda_min_clipped") ?? -.infinity))
        plan = layout.plan(steps: steps, settings.prediction)
        levels = layout.levels
        let lowersEnd = try config.flag("lower_order_final")
        orders = Self.orders(steps: steps, settings, lowersEnd: lowersEnd)
    }

    /// 1, 2, 3, 1, 2, 3, …; the last step has order 1 if the last sigma is 0, or if the groups come out even and the
    /// end is lowered.
    private static func orders(steps: Int, _ settings: SolverSettings, lowersEnd: Bool) -> [Int] {
        var orders = (0..<steps).map { $0 % settings.order + 1 }
        if settings.final == .zero || lowersEnd && steps % settings.order == 0 { orders[steps - 1] = 1 }
        return orders
    }

    package func method(count: Int) -> any StepMethod {
        DPMSolverSinglestepMethod(
            settings: settings, levels: levels, orders: orders,
            answers: RecentNumbers(capacity: settings.order, of: count), memory: Matrix(rows: 2, columns: count))
    }
}

private struct DPMSolverSinglestepMethod: StepMethod {
    let settings: SolverSettings
    let levels: [NoiseLevel]
    let orders: [Int]
    var answers: RecentNumbers
    /// The sample at the beginning of the group; room for fresh noise.
    let memory: Matrix

    mutating func step(_ output: Numbers, _ sample: Numbers, at index: Int, noise: inout some NoiseSource) {
        settings.convert(output, sample, at: levels[index], into: answers.append())
        let order = min(orders[index], answers.count)
        let first = Numbers(memory, row: 0)
        if order == 1 { first.copy(sample) } else { sample.copy(first) }
        weights(index, order).apply(
            to: sample, answers, drawing: settings.algorithm.isStochastic, room: Numbers(memory, row: 1), noise: &noise)
    }

    private func weights(_ index: Int, _ order: Int) -> SolverWeights {
        let start = levels[index - (order - 1)]
        let step = ExponentialStep(algorithm: settings.algorithm, start: start, end: levels[index + 1])
        guard order > 1 else { return SolverWeights(step, [SIMD3(1, 0, 0)], [step.zeroth]) }
        let length = levels[index + 1].lambda - start.lambda
        let near = (levels[index].lambda - start.lambda) / length
        guard order > 2 else {
            let difference = SIMD3<Double>(1, -1, 0) / near
            let factor = settings.kind == .midpoint ? step.zeroth / 2 : step.first
            return SolverWeights(step, [SIMD3(0, 1, 0), difference], [step.zeroth, factor])
        }
        let middle = (levels[index - 1].lambda - start.lambda) / length
        let differences = (SIMD3<Double>(0, 1, -1) / middle, SIMD3<Double>(1, 0, -1) / near)
        let oldest = SIMD3<Double>(0, 0, 1)
        guard settings.kind == .heun else {
            return SolverWeights(step, [oldest, differences.1], [step.zeroth, step.first])
        }
        let slope = (differences.0 * near - differences.1 * middle) / (near - middle)
        let bend = (differences.1 - differences.0) * 2 / (near - middle)
        return SolverWeights(step, [oldest, slope, bend], [step.zeroth, step.first, step.second])
    }
}
