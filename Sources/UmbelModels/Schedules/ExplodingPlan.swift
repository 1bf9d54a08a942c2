internal import Glibc

/// The part that the schedules after Karras and others share (Euler, LMS, Heun): sigmas at timesteps, which need not be
/// whole, and samples that are picture + σ·noise.
struct ExplodingPlan {
    let timesteps: [Float]
    /// One more than timesteps at least: the last is where the last step ends.
    let sigmas: [Float]
    let initialScale: Float

    /// Settings that only some of the classes have.
    struct Options {
        var spacing = SigmaSpacing.timesteps
        /// `sigma_max` and `sigma_min`, where they are given.
        var largest: Double?
        var smallest: Double?
        var final = FinalSigma.zero
        /// Sigmas evenly in ln σ over all of the table, at timesteps that do not fit them.
        var interpolatesLogarithms = false
        /// Times are kept in f64 until sigmas are found at them.
        var hasExactTimes = false
        /// Times are ¼ ln σ.
        var isContinuous = false
    }

    init(_ config: ScheduleConfig, _ table: SigmaTable, steps: Int, _ options: Options) throws(ScheduleError) {
        let layout = try TimestepSpacing.Settings(config, default: .linspace)
        let trained = table.sigmas.count
        guard (1...trained).contains(steps) else { throw .steps(steps, allowed: 1...trained) }
        let points = layout.spacing.points(
            steps: steps, length: trained, trained: trained, offset: layout.offset, leavesEnd: false)
        var times = options.hasExactTimes ? points : points.map { Double(Float($0)) }
        var sigmas =
            options.interpolatesLogarithms
            ? Self.logarithmicLine(table, count: steps + 1) : times.map { table.sigma(at: $0) }
        let ends = (largest: options.largest ?? sigmas[0], smallest: options.smallest ?? sigmas[sigmas.count - 1])
        if let spaced = options.spacing.sigmas(from: ends.largest, to: ends.smallest, count: steps) {
            sigmas = spaced
            times = spaced.map { table.time(of: $0) }
        }
        sigmas.append(options.final == .zero ? 0 : table.smallest)
        self.sigmas = sigmas.map { Float($0) }
        timesteps = options.isContinuous ? self.sigmas.dropLast().map { 0.25 * logf($0) } : times.map { Float($0) }
        let scale = self.sigmas.reduce(0) { max($0, $1) }
        initialScale = layout.spacing == .leading ? (scale * scale + 1).squareRoot() : scale
    }

    private static func logarithmicLine(_ table: SigmaTable, count: Int) -> [Double] {
        TimestepSpacing.line(from: log(table.largest), to: log(table.smallest), count: count).map { exp($0) }
    }

    /// The plan of a schedule that evaluates the model once a step.
    func plan(steps: Int, _ prediction: Prediction) -> SchedulePlan {
        SchedulePlan(
            timesteps: timesteps, sigmas: sigmas, prediction: prediction,
            levels: sigmas.prefix(timesteps.count).map { NoiseLevel(ratio: $0) }, space: .exploding,
            initialScale: initialScale, steps: steps)
    }
}
