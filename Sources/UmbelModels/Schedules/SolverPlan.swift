/// The part that the exponential solvers share (DPM-Solver, UniPC): sigmas at whole timesteps, and samples of variance
/// 1.
struct SolverPlan {
    let timesteps: [Float]
    /// Where each step begins, and where the last one ends.
    let levels: [NoiseLevel]
    private let sigmas: [Float]

    /// What the classes have different.
    struct Options {
        var layout: TimestepSpacing.Settings
        var spacing: SigmaSpacing
        var final: FinalSigma
        /// `sigma_max` and `sigma_min`, where they are given.
        var largest: Double?
        var smallest: Double?
        /// Timesteps with a lower λ are left out (`lambda_min_clipped`).
        var lowestLambda = -Double.infinity
        /// Whether times of sigmas are rounded to the nearest, not down.
        var rounds = true
        /// Whether spaced sigmas end at the last of them, not at the least of the table.
        var endsAtLast = false
    }

    init(_ alphas: AlphaTable, steps: Int, _ options: Options) throws(ScheduleError) {
        let trained = alphas.count
        guard (1...trained).contains(steps) else { throw .steps(steps, allowed: 1...trained) }
        let table = SigmaTable(alphas)
        // λ falls with the timestep, so those that are too low are the last ones.
        let clipped = alphas.products.reversed()
            .prefix { NoiseLevel(product: $0).lambda < options.lowestLambda }.count
        guard clipped < trained else { throw .outOfRange(field: "lambda_min_clipped") }
        var times = options.layout.spacing.points(
            steps: steps, length: trained - clipped, trained: trained, offset: options.layout.offset, leavesEnd: true
        ).map { $0.rounded(.toNearestOrEven) }
        var sigmas = times.map { table.sigma(at: $0) }
        let ends = (largest: options.largest ?? table.largest, smallest: options.smallest ?? table.smallest)
        if let spaced = options.spacing.sigmas(from: ends.largest, to: ends.smallest, count: steps) {
            sigmas = spaced
            times = spaced.map { table.time(of: $0) }
            // The other spacings are never rounded.
            if options.rounds, options.spacing == .karras || options.spacing == .lu {
                times = times.map { $0.rounded(.toNearestOrEven) }
            }
        }
        let isSpaced = options.spacing != .timesteps
        switch options.final {
        case .zero: sigmas.append(0)
        case .smallest: sigmas.append(isSpaced && options.endsAtLast ? sigmas[sigmas.count - 1] : table.smallest)
        }
        // diffusers keeps whole timesteps, cut rather than rounded.
        timesteps = times.map { Float($0.rounded(.towardZero)) }
        self.sigmas = sigmas.map { Float($0) }
        levels = self.sigmas.map { NoiseLevel(ratio: $0) }
    }

    func plan(steps: Int, _ prediction: Prediction) -> SchedulePlan {
        SchedulePlan(
            timesteps: timesteps, sigmas: sigmas, prediction: prediction,
            levels: Array(levels.prefix(timesteps.count)), space: .preserving, steps: steps)
    }
}
