internal import Glibc

/// The regularised incomplete gamma functions P(a, x) and Q(a, x) = 1 − P(a, x).
///
/// P by its series Σ xⁿ/((a+1)…(a+n)) below x = a + 1 (DLMF 8.11.4), Q by Legendre's continued fraction above (DLMF
/// 8.9.2, modified Lentz method). The factor xᵃe⁻ˣ/Γ(a+1) comes from Loader's form of the Poisson probability.
enum IncompleteGamma {
    /// P(a, x) and Q(a, x), for a > 0 and x ≥ 0.
    static func tails(_ a: Double, _ x: Double) -> (lower: Double, upper: Double) {
        if x <= 0 { return (0, 1) }
        if x == .infinity { return (1, 0) }
        if x < a + 1 {
            let lower = power(a, x) * series(a, x)
            return (lower, 1 - lower)
        }
        let upper = power(a, x) * a * fraction(a, x)
        return (1 - upper, upper)
    }

    /// xᵃe⁻ˣ / Γ(a+1), the Poisson probability of a at mean x for a real count (Loader, section 3).
    static func power(_ a: Double, _ x: Double) -> Double {
        exp(-Stirling.error(a) - Stirling.deviance(a, x) - Stirling.halfLogTwoPi) / a.squareRoot()
    }

    private static func series(_ a: Double, _ x: Double) -> Double {
        var (term, sum) = (1.0, 1.0)
        for step in 1...1_000_000 {
            term *= x / (a + Double(step))
            sum += term
            if term < 1e-17 * sum { break }
        }
        return sum
    }

    private static func fraction(_ a: Double, _ x: Double) -> Double {
        let tiny = 1e-300
        func apart(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var b = x + 1 - a
        var c = 1 / tiny
        var d = 1 / apart(b)
        var result = d
        for step in 1...1_000_000 {
            let i = Double(step)
            let numerator = -i * (i - a)
            b += 2
            d = 1 / apart(numerator * d + b)
            c = apart(b + numerator / c)
            result *= d * c
            if abs(d * c - 1) < 2e-16 { break }
        }
        return result
    }
}
