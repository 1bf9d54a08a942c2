internal import Glibc

/// The regularised incomplete beta function I_x(a, b) and its complement.
///
/// I_x(a, b) = xᵃ(1−x)ᵇ / (a·B(a, b)) · continued fraction (DLMF 8.17.22), evaluated by the modified Lentz method where
/// it converges fast, x < (a+1)/(a+b+2); elsewhere by I_x(a, b) = 1 − I_{1−x}(b, a). The factor in front comes from
/// Loader's form of the binomial probability (`Stirling`), so it keeps its digits for counts in the millions.
enum IncompleteBeta {
    /// P(X ≤ x) and P(X > x) for X ~ Beta(a, b).
    ///
    /// - Parameters:
    ///   - x: in [0, 1].
    ///   - complement: 1 − x, given apart because near 1 the difference would have lost digits.
    static func tails(_ a: Double, _ b: Double, x: Double, complement: Double) -> (lower: Double, upper: Double) {
        if x <= 0 { return (0, 1) }
        if complement <= 0 { return (1, 0) }
        if x < (a + 1) / (a + b + 2) {
            let lower = power(a, b, x, complement) / a * fraction(a, b, x)
            return (lower, 1 - lower)
        }
        let upper = power(a, b, x, complement) / b * fraction(b, a, complement)
        return (1 - upper, upper)
    }

    /// xᵃ(1−x)ᵇ / B(a, b) = a·b/(a+b) · P(a of a+b at x), the binomial probability for real counts (Loader, section 3).
    static func power(_ a: Double, _ b: Double, _ x: Double, _ complement: Double) -> Double {
        let n = a + b
        let exponent =
            Stirling.error(n) - Stirling.error(a) - Stirling.error(b) - Stirling.deviance(a, n * x)
            - Stirling.deviance(b, n * complement)
        return exp(exponent - Stirling.halfLogTwoPi) * (a / n * b).squareRoot()
    }

    /// The continued fraction; it needs about √max(a, b) terms.
    private static func fraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
        let tiny = 1e-300
        func apart(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / apart(1 - (a + b) * x / (a + 1))
        var result = d
        for step in 1...1_000_000 {
            let m = Double(step)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 / apart(1 + even * d)
            c = apart(1 + even / c)
            result *= d * c
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1 / apart(1 + odd * d)
            c = apart(1 + odd / c)
            result *= d * c
            if abs(d * c - 1) < 2e-16 { break }
        }
        return result
    }
}
