internal import Glibc

/// The standard normal distribution.
package enum Normal {
    /// φ(x) = e^(−x²/2) / √(2π).
    package static func density(_ x: Double) -> Double { exp(-0.5 * x * x - Stirling.halfLogTwoPi) }

    /// Φ(x) = P(Z ≤ x) = ½·erfc(−x/√2).     Abramowitz and Stegun 26.2.29
    package static func cumulative(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

    /// P(Z > x), with its digits where it is small.
    package static func survival(_ x: Double) -> Double { cumulative(-x) }

    /// The x with P(Z ≤ x) = p, by Newton's method on ln Φ; ±∞ at 1 and 0, NaN outside [0, 1].
    package static func quantile(_ p: Double) -> Double {
        guard p >= 0, p <= 1 else { return .nan }
        if p > 0.5 { return -quantile(1 - p) }
        if p == 0.5 { return 0 }
        guard p > 0 else { return -.infinity }
        return Inversion.solve(log(p), from: -1, increasing: true) { x in
            let value = cumulative(x)
            return Inversion.Sample(value: log(value), slope: density(x) / value)
        }
    }
}
