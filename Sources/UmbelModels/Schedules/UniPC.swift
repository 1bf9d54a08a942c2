internal import UmbelFormats
internal import UmbelTensor

/// UniPC, a predictor of any order and a corrector that uses the answer at the predicted sample for the next step's
/// beginning, so that it costs no further evaluation.     Zhao and others, arXiv 2302.04867
package struct UniPC: Schedule {
    package static let className = "UniPCMultistepScheduler"
    package let plan: SchedulePlan
    fileprivate let settings: Settings
    private let levels: [NoiseLevel]

    /// What `solver_type` may be: B(h) = h or eʰ − 1.
    enum Kind: String, Sendable {
        case bh1, bh2
    }

    fileprivate struct Settings: Sendable {
        let kind: Kind
        let order: Int
        let lowersEnd: Bool
        /// Steps whose end is not corrected.
        let uncorrected: Set<Int>
        /// Whether answers are turned into pictures, not noise.
        let answersPicture: Bool
        let prediction: Prediction
        let limit: CleanLimit
    }

    package init(_ config: ScheduleConfig, steps: Int, eta: Double) throws(ScheduleError) {
        try config.refuse("solver_p", "shift_terminal", "use_flow_sigmas", "use_dynamic_shifting")
        let final = try config.choice("final_sigmas_type", default: FinalSigma.zero)
        settings = try Self.settings(config, final)
        let layout = try SolverPlan(
            try AlphaTable(config, .init(terminal: .bounded)), steps: steps,
            .init(
                layout: try TimestepSpacing.Settings(config, default: .linspace), spacing: try SigmaSpacing(config),
                final: final, largest: try config.sigma("sigma_max"), smallest: try config.sigma("sigma_min"),
                endsAtLast: true))
        plan = layout.plan(steps: steps, settings.prediction)
        levels = layout.levels
    }

    private static func settings(_ config: ScheduleConfig, _ final: FinalSigma) throws(ScheduleError) -> Settings {
        let lowersEnd = try config.flag("lower_order_final", default: true)
        let order = try config.integer("solver_order", default: 2, in: 1...4)
        // The weights of a higher order have no limit where the last sigma is 0.
        if !lowersEnd, order > 1, final == .zero {
            throw .conflict(fields: ["lower_order_final", "final_sigmas_type"])
        }
        let answersPicture = try config.flag("predict_x0", default: true)
        if !answersPicture, final == .zero { throw .conflict(fields: ["predict_x0", "final_sigmas_type"]) }
        // Words of related classes, which diffusers takes for the nearest of its own.
        let word = config.value("solver_type")?.string
        let isForeign = ["midpoint", "heun", "logrho"].contains(word)
        return Settings(
            kind: try isForeign ? .bh2 : config.choice("solver_type", default: .bh2), order: order,
            lowersEnd: lowersEnd,
            uncorrected: Set((try config.numbers("disable_corrector") ?? []).compactMap { Int(exactly: $0) }),
            answersPicture: answersPicture, prediction: try Prediction(config),
            limit: try CleanLimit(config, clips: nil, thresholds: answersPicture))
    }

    package func method(count: Int) -> any StepMethod {
        UniPCMethod(
            settings: settings, levels: levels, answers: RecentNumbers(capacity: settings.order + 1, of: count),
            memory: Matrix(rows: 1, columns: count))
    }
}

private struct UniPCMethod: StepMethod {
    let settings: UniPC.Settings
    let levels: [NoiseLevel]
    /// As many as the order, and the one that corrects.
    var answers: RecentNumbers
    /// The sample at the last step's beginning.
    let memory: Matrix
    /// The order of the step before; nil at the first.
    private var order: Int?

    init(settings: UniPC.Settings, levels: [NoiseLevel], answers: RecentNumbers, memory: Matrix) {
        self.settings = settings
        self.levels = levels
        self.answers = answers
        self.memory = memory
    }

    mutating func step(_ output: Numbers, _ sample: Numbers, at index: Int, noise: inout some NoiseSource) {
        let last = Numbers(memory)
        let answer = answers.append()
        let mix =
            settings.answersPicture
            ? settings.prediction.clean(levels[index]) : settings.prediction.noise(levels[index])
        answer.set(mix, sample: sample, output: output)
        settings.limit.apply(to: answer, pictures: sample.pictures)
        if let order, !settings.uncorrected.contains(index - 1) {
            let step = weights(from: index - 1, to: index, order: order)
            sample.set(step.sample, last)
            add(step.corrected, to: sample)
        }
        let remaining = settings.lowersEnd ? levels.count - 1 - index : settings.order
        let order = min(settings.order, remaining, answers.count)
        last.copy(sample)
        let step = weights(from: index, to: index + 1, order: order)
        sample.scale(by: step.sample)
        add(step.predicted, to: sample)
        self.order = order
    }

    private func add(_ weights: [Double], to sample: Numbers) {
        for (age, weight) in weights.enumerated() { sample.add(weight, answers[age]) }
    }

    private func weights(from start: Int, to end: Int, order: Int) -> UniPCStep {
        UniPCStep(
            kind: settings.kind, answersPicture: settings.answersPicture, end: levels[end],
            starts: (0..<order).map { levels[start - $0] })
    }
}
