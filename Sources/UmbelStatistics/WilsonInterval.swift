/// A proportion with Wilson's score interval, which stays in [0, 1] and holds its level for rates near 0 and 1, where
/// error rates are.
///
/// (p̂ + z²/2n ± z·√(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n).     E. B. Wilson, JASA 1927; recommended by Brown, Cai and
/// DasGupta, Statistical Science 2001
package struct WilsonInterval: Hashable, Sendable {
    package let proportion: Double
    package let lower: Double
    package let upper: Double

    /// nil for no trials.
    ///
    /// - Precondition: 0 ≤ `successes` ≤ `trials`.
    /// - Parameter level: such as 0.95, in 0..<1.
    package init?(successes: Int, trials: Int, level: Double = 0.95) {
        precondition(successes >= 0 && successes <= trials)
        guard trials > 0 else { return nil }
        let n = Double(trials)
        let share = Double(successes) / n
        let z = -Normal.quantile((1 - level) / 2)
        let square = z * z / n
        let centre = (share + square / 2) / (1 + square)
        let half = z * (share * (1 - share) / n + square / (4 * n)).squareRoot() / (1 + square)
        proportion = share
        // Rounding must not leave a hair between the interval and the end that it touches.
        lower = successes == 0 ? 0 : max(centre - half, 0)
        upper = successes == trials ? 1 : min(centre + half, 1)
    }
}
