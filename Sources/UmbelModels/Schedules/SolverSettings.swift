internal import UmbelFormats

/// The settings that both of the DPM-Solver classes have.
struct SolverSettings: Sendable {
    /// How the second order takes the derivative.
    enum Kind: String, Sendable {
        case midpoint, heun
    }

    let algorithm: ExponentialStep.Algorithm
    let kind: Kind
    let order: Int
    let final: FinalSigma
    let prediction: Prediction
    let limit: CleanLimit

    init(_ config: ScheduleConfig) throws(ScheduleError) {
        try config.refuse("variance_type", "use_flow_sigmas", "use_dynamic_shifting")
        // Words of related classes, which diffusers takes for the nearest of its own.
        let algorithmWord = config.value("algorithm_type")?.string
        algorithm = try algorithmWord == "deis" ? .picture : config.choice("algorithm_type", default: .picture)
        let kindWord = config.value("solver_type")?.string
        kind =
            try ["logrho", "bh1", "bh2"].contains(kindWord)
            ? .midpoint : config.choice("solver_type", default: .midpoint)
        order = try config.integer("solver_order", default: 2, in: 1...3)
        final = try config.choice("final_sigmas_type", default: .zero)
        prediction = try Prediction(config)
        limit = try CleanLimit(config, clips: nil, thresholds: true)
        if !algorithm.answersPicture {
            if final == .zero { throw .conflict(fields: ["algorithm_type", "final_sigmas_type"]) }
            guard case .none = limit else { throw .conflict(fields: ["algorithm_type", "thresholding"]) }
        }
        if algorithm == .stochasticNoise, order == 3 { throw .conflict(fields: ["algorithm_type", "solver_order"]) }
    }

    /// What the model answered, as the algorithm wants it: the picture or the noise.
    func convert(_ output: Numbers, _ sample: Numbers, at level: NoiseLevel, into answer: Numbers) {
        let mix = algorithm.answersPicture ? prediction.clean(level) : prediction.noise(level)
        answer.set(mix, sample: sample, output: output)
        limit.apply(to: answer, pictures: sample.pictures)
    }
}

/// What a step of a solver adds up: the weights of the last answers, the newest first, and those of the sample and of
/// fresh noise.
struct SolverWeights: Sendable {
    let sample: Double
    let answers: SIMD3<Double>
    let noise: Double

    /// - Parameters:
    ///   - derivatives: D₀, D₁, D₂ by the answers.
    ///   - factors: what each of them is multiplied by.
    init(_ step: ExponentialStep, _ derivatives: [SIMD3<Double>], _ factors: [Double]) {
        sample = step.sample
        noise = step.noise
        answers = zip(derivatives, factors).reduce(into: .zero) { $0 += $1.0 * $1.1 }
    }

    /// Moves the sample on.
    ///
    /// - Parameter room: for fresh noise, if there is any to be drawn.
    func apply(
        to sample: Numbers, _ recent: RecentNumbers, drawing draws: Bool, room: Numbers,
        noise source: inout some NoiseSource
    ) {
        sample.scale(by: self.sample)
        for age in 0..<recent.count where answers[age] != 0 { sample.add(answers[age], recent[age]) }
        guard draws else { return }
        // Also where its weight is 0: the generator stands where that of diffusers would.
        source.fill(room.buffer)
        sample.add(noise, room)
    }
}
