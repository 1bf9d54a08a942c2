/// What a model answers.
enum Prediction: String, Sendable {
    /// The noise.
    case epsilon
    /// The picture.
    case sample
    /// v = α·noise − σ·picture.     Salimans and Ho, arXiv 2202.00512
    case velocity = "v_prediction"

    /// Weights that make something of the sample x and the model's answer to it.
    struct Mix: Hashable, Sendable {
        var sample: Double
        var output: Double
    }

    /// The picture, of a sample with α² + σ² = 1.
    func clean(_ level: NoiseLevel) -> Mix {
        switch self {
        case .epsilon: Mix(sample: 1 / level.alpha, output: -level.sigma / level.alpha)
        case .sample: Mix(sample: 0, output: 1)
        case .velocity: Mix(sample: level.alpha, output: -level.sigma)
        }
    }

    /// The noise, of a sample with α² + σ² = 1.
    func noise(_ level: NoiseLevel) -> Mix {
        switch self {
        case .epsilon: Mix(sample: 0, output: 1)
        case .sample: Mix(sample: 1 / level.sigma, output: -level.alpha / level.sigma)
        case .velocity: Mix(sample: level.sigma, output: level.alpha)
        }
    }

    /// The picture, of a sample that is picture + (σ/α)·noise.
    func cleanOfExploding(_ level: NoiseLevel) -> Mix {
        let mix = clean(level)
        // Exactly 1 for epsilon, where α/α need not be.
        let sample = self == .epsilon ? 1 : mix.sample * level.alpha
        return Mix(sample: sample, output: mix.output)
    }
}
