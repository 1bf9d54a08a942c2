internal import Glibc

/// The difference of an arm's mean from the control's, tested so that looking at any time, any number of times, keeps the
/// level.
///
/// Robbins' normal mixture with the variance plugged in: an asymptotic confidence sequence (I. Waudby-Smith, D. Arbour,
/// R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences",
/// arXiv 2103.06476, Theorem 2.2), written for a difference as in R. Johari, L. Pekelis, D. Walsh (arXiv 1512.04922):
///
///     t = n₀n₁/(n₀+n₁)      d = x̄₁ − x̄₀      V = estimated variance of d      r = ρ²t
///     |d − δ| ≤ √V · √( 2(1+r)/r · ln(√(1+r)/α) )             for all t at once, with probability 1 − α
///     p = √(1+r) · exp(−d²/V · r/(2(1+r)))                    always valid, at most 1
///
/// Why differences are covered, whatever the split: with independent values d/V has independent increments in the
/// information 1/V (for j ≤ k, Cov(dⱼ, d_k) = V_k), so it is a Brownian motion with drift δ seen at times 1/V, and the
/// mixture of its likelihood ratios over N(0, ρ²σ²) is a martingale of mean 1, to which Ville's inequality applies.
/// Values need a finite variance, no bounds and no shape; with unknown variance the level is reached as counts grow, so
/// three things guard the beginning (docs/statistics.md has the simulation):
/// - no decision before `minimumCount` values in each arm;
/// - V is the larger of Welch's s₀²/n₀ + s₁²/n₁ and the pooled s²(1/n₀ + 1/n₁): a small arm that by chance misses the
///   rare large values of a skewed metric has a low mean and, alone, too small a variance;
/// - for values that are all 0 or 1 the rates get one success and one failure more (A. Agresti, B. Caffo, The American
///   Statistician 2000), so that V is not 0 while a rare event has not been seen.
package struct SequentialTest: Hashable, Sendable {
    /// Values that each arm must have before anything is decided.
    package static let minimumCount = 100

    /// The t at which the interval is narrowest relative to a test made once: 1,000 values in each of two equal arms.
    package static let tunedFor = 500.0

    /// The probability that any of the comparisons is ever decided although there is no difference.
    package let level: Double
    /// How many arms are compared with the control; each is tested at level / comparisons (Bonferroni).
    package let comparisons: Int

    /// ρ² = (−2 ln α + ln(1 − 2 ln α)) / t*.     arXiv 2103.06476, appendix on optimising Robbins' normal mixture
    private let mixture: Double

    /// - Precondition: `level` is in (0, 1), `comparisons` at least 1.
    package init(level: Double = 0.05, comparisons: Int = 1) {
        precondition(level > 0 && level < 1 && comparisons > 0)
        (self.level, self.comparisons) = (level, comparisons)
        let doubled = -2 * log(level / Double(comparisons))
        mixture = (doubled + log(doubled + 1)) / Self.tunedFor
    }

    /// The comparison at this look.
    ///
    /// - Parameter smallest: the `pValue` of the look before, if the caller keeps it: what was once found stays found.
    package func compare(
        control: RunningMoments, arm: RunningMoments, smallest: Double = 1
    ) -> SequentialComparison {
        let difference = arm.mean - control.mean
        guard control.count >= Self.minimumCount, arm.count >= Self.minimumCount else {
            return SequentialComparison(difference, interval: nil, pValue: smallest, decision: .tooFewValues)
        }
        let variance = Self.variance(control, arm)
        guard variance > 0 else {
            return SequentialComparison(difference, interval: nil, pValue: smallest, decision: .noVariance)
        }
        let (own, others) = (Double(arm.count), Double(control.count))
        let r = mixture * (own / (own + others) * others)
        let root = 0.5 * log1p(r)
        let spread = 2 * (1 + r) / r
        let p = Double(comparisons) * exp(root - difference * difference / variance / spread)
        let half = (variance * spread * (root - log(level / Double(comparisons)))).squareRoot()
        let least = min(p, smallest, 1)
        return SequentialComparison(
            difference, interval: difference - half...difference + half, pValue: least,
            decision: least > level ? .undecided : difference > 0 ? .higher : .lower)
    }

    /// V, never smaller than either estimate.
    private static func variance(_ first: RunningMoments, _ second: RunningMoments) -> Double {
        let (n, m) = (Double(first.count), Double(second.count))
        let (one, two, pooled): (Double, Double, Double)
        if first.isBinary && second.isBinary {
            func smoothed(_ ones: Double, _ count: Double) -> Double {
                let share = (ones + 1) / (count + 2)
                return share * (1 - share)
            }
            (one, two) = (smoothed(first.mean * n, n), smoothed(second.mean * m, m))
            pooled = smoothed(first.mean * n + second.mean * m, n + m)
        } else {
            (one, two) = (first.squares / (n - 1), second.squares / (m - 1))
            pooled = (first.squares + second.squares) / (n + m - 2)
        }
        return max(one / n + two / m, pooled * (1 / n + 1 / m))
    }
}
