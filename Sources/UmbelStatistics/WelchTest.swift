/// The difference of two means without assuming equal variances, for one look at a fixed time.
///
/// t = (x̄₁ − x̄₂) / √(s₁²/n₁ + s₂²/n₂), with ν = (s₁²/n₁ + s₂²/n₂)² / (Σ (sᵢ²/nᵢ)² / (nᵢ − 1)).
/// B. L. Welch, Biometrika 1947; F. E. Satterthwaite, Biometrics Bulletin 1946
package struct WelchTest: Hashable, Sendable {
    /// First minus second.
    package let difference: Double
    package let statistic: Double
    package let degrees: Double
    /// Two-sided.
    package let pValue: Double

    /// nil if one has fewer than two values, or neither has any variance: there is nothing to measure the difference by.
    package init?(_ first: RunningMoments, _ second: RunningMoments) {
        guard let one = first.variance, let two = second.variance else { return nil }
        let (a, b) = (one / Double(first.count), two / Double(second.count))
        guard a + b > 0 else { return nil }
        // As shares of the sum, so that squares of small variances do not vanish.
        let (p, q) = (a / (a + b), b / (a + b))
        difference = first.mean - second.mean
        statistic = difference / (a + b).squareRoot()
        degrees = 1 / (p * p / Double(first.count - 1) + q * q / Double(second.count - 1))
        pValue = StudentT(degrees: degrees).outside(statistic)
    }
}
