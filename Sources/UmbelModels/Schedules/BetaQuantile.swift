internal import Glibc

/// Quantiles of the beta distribution with both parameters 0.6, by which "beta" sigmas lie.
/// Lee and others, arXiv 2407.12173
enum BetaQuantile {
    private static let parameter = 0.6

    /// The x in 0…1 below which lies `probability`, to some 14 digits.
    static func value(_ probability: Double) -> Double {
        // The distribution is symmetric, and the series is for the lower half.
        guard probability <= 0.5 else { return 1 - value(1 - probability) }
        let wanted = probability * 2 * integral(to: 0.5)
        var range = (lower: 0.0, upper: 0.5)
        while true {
            let middle = (range.lower + range.upper) / 2
            guard middle > range.lower, middle < range.upper else { return middle }
            if integral(to: middle) < wanted { range.lower = middle } else { range.upper = middle }
        }
    }

    /// ∫ tᵃ⁻¹ (1 − t)ᵃ⁻¹ dt from 0 to x ≤ ½, a the parameter: xᵃ Σ (1 − a)(2 − a)…(n − a)/n! · xⁿ/(a + n).
    private static func integral(to x: Double) -> Double {
        var (sum, factor) = (0.0, 1.0)
        for term in 0..<60 {
            sum += factor / (parameter + Double(term))
            factor *= (Double(term + 1) - parameter) / Double(term + 1) * x
        }
        return pow(x, parameter) * sum
    }
}
