internal import Glibc

/// What Stirling's formula leaves out, and the deviance of a binomial: densities of large counts without the
/// cancellation of logarithms of factorials.
///
/// Source: C. Loader, "Fast and Accurate Computation of Binomial Probabilities", 2000, sections 2 to 4.
enum Stirling {
    /// ln √(2π).
    static let halfLogTwoPi = 0.918_938_533_204_672_741_78

    /// δ(x) = ln Γ(x+1) − (x+½)·ln x + x − ln √(2π), for x > 0.
    ///
    /// From 15 on the asymptotic series 1/12x − 1/360x³ + 1/1260x⁵ − … (Abramowitz and Stegun 6.1.41); its first term
    /// left out is below 1e-17 there.
    static func error(_ x: Double) -> Double {
        guard x > 15 else { return logGamma(x + 1) - (x + 0.5) * log(x) + x - halfLogTwoPi }
        let z = 1 / (x * x)
        let tail = 1.0 / 1188 - z * (691.0 / 360_360 - z * (1.0 / 156 - z * 3617.0 / 122_400))
        return (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680 - z * tail)))) / x
    }

    /// D(x, m) = x·ln(x/m) + m − x, for x > 0 and m > 0; near x = m by the series of section 4, which keeps its digits.
    static func deviance(_ x: Double, _ mean: Double) -> Double {
        let difference = x - mean
        guard abs(difference) < 0.1 * (x + mean) else { return x * log(x / mean) - difference }
        let v = difference / (x + mean)
        var sum = difference * v
        var power = 2 * x * v
        let square = v * v
        for order in 1...100 {
            power *= square
            let next = sum + power / Double(2 * order + 1)
            if next == sum { break }
            sum = next
        }
        return sum
    }
}

/// ln |Γ(x)|; glibc's `lgamma` would write a global variable.
func logGamma(_ x: Double) -> Double {
    var sign: Int32 = 0
    return lgamma_r(x, &sign)
}
