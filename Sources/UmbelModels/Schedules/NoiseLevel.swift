internal import Glibc

/// How noisy a sample is: x = α·picture + σ·noise with α² + σ² = 1.
struct NoiseLevel: Hashable, Sendable {
    /// The picture's part.
    let alpha: Double
    /// The noise's part.
    let sigma: Double

    /// From ᾱ = α².
    init(product: Float) {
        alpha = Double(product).squareRoot()
        sigma = Double(1 - product).squareRoot()
    }

    /// From σ/α, which is what a scheduler's `sigmas` are.
    init(ratio: Float) {
        let ratio = Double(ratio)
        alpha = 1 / (ratio * ratio + 1).squareRoot()
        sigma = ratio * alpha
    }

    /// σ/α; infinite where nothing of the picture is left.
    var ratio: Double { sigma / alpha }

    /// λ = ln(α/σ), half the logarithm of the signal-to-noise ratio; infinite without noise.
    var lambda: Double { log(alpha) - log(sigma) }
}
