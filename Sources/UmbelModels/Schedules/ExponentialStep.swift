internal import Glibc

/// A step from one noise level to another in which the linear part of the equation is solved exactly, and the model's
/// answer is a polynomial in λ whose first derivatives are D₀, D₁, D₂:
///
///     x′ = sample · x + zeroth · D₀ + first · D₁ + second · D₂ + noise · fresh noise
///
/// With h = λ′ − λ.     Lu and others, arXiv 2206.00927 (answers are noise) and 2211.01095 (answers are pictures)
struct ExponentialStep {
    /// What the answers are, and whether noise is put back.
    enum Algorithm: String, Sendable {
        case noise = "dpmsolver"
        case picture = "dpmsolver++"
        case stochasticNoise = "sde-dpmsolver"
        case stochasticPicture = "sde-dpmsolver++"

        var isStochastic: Bool { self == .stochasticNoise || self == .stochasticPicture }
        var answersPicture: Bool { self == .picture || self == .stochasticPicture }
    }

    let algorithm: Algorithm
    let start: NoiseLevel
    let end: NoiseLevel

    /// λ′ − λ; infinite for a step to the picture.
    private var h: Double { end.lambda - start.lambda }

    var sample: Double {
        switch algorithm {
        case .noise, .stochasticNoise: end.alpha / start.alpha
        case .picture: end.sigma / start.sigma
        case .stochasticPicture: end.sigma / start.sigma * exp(-h)
        }
    }

    var zeroth: Double {
        switch algorithm {
        case .noise: -end.sigma * expm1(h)
        case .picture: -end.alpha * expm1(-h)
        case .stochasticNoise: -2 * end.sigma * expm1(h)
        case .stochasticPicture: -end.alpha * expm1(-2 * h)
        }
    }

    var first: Double {
        switch algorithm {
        case .noise: -end.sigma * (expm1(h) / h - 1)
        case .picture: end.alpha * (expm1(-h) / h + 1)
        case .stochasticNoise: -2 * end.sigma * (expm1(h) / h - 1)
        case .stochasticPicture: end.alpha * (expm1(-2 * h) / (2 * h) + 1)
        }
    }

    /// Not of `stochasticNoise`, which has no third order.
    var second: Double {
        switch algorithm {
        case .noise, .stochasticNoise: -end.sigma * ((expm1(h) - h) / (h * h) - 0.5)
        case .picture: -end.alpha * ((expm1(-h) + h) / (h * h) - 0.5)
        case .stochasticPicture: -end.alpha * ((expm1(-2 * h) + 2 * h) / (4 * h * h) + 0.5)
        }
    }

    var noise: Double {
        switch algorithm {
        case .noise, .picture: 0
        case .stochasticNoise: end.sigma * expm1(2 * h).squareRoot()
        case .stochasticPicture: end.sigma * (-expm1(-2 * h)).squareRoot()
        }
    }
}
