internal import Glibc

/// Whether the arms got the share of requests that their weights promise. If not, something loses or adds requests of one
/// arm, and its figures cannot be compared with the others'.
///
/// Two p-values. For one look, Pearson's χ² = Σ (Oᵢ − Eᵢ)²/Eᵢ with k − 1 degrees of freedom (K. Pearson, 1900). For any
/// number of looks, 1/B of the Bayes factor B of a Dirichlet-multinomial against the weights θ (M. Lindon, A. Malek,
/// "Anytime-Valid Inference for Multinomial Count Data", arXiv 2011.03567):
///
///     B = Γ(Σα)/Γ(Σα+n) · Π Γ(αᵢ+xᵢ)/Γ(αᵢ) / Π θᵢ^xᵢ ,   αᵢ = 100·θᵢ
///
/// B is a martingale of mean 1 while the weights hold, so the chance that it ever exceeds 1/p is at most p (Ville).
/// The weights may change: each period between changes has its own B, which starts at 1, and their product is a
/// martingale too. Expected counts add up over periods; χ² is then conservative, because counts of a mixture vary less
/// than those of its average.
package struct SampleRatioMismatch: Hashable, Sendable {
    /// What was assigned while weights stayed the same; both in the order of the arms.
    ///
    /// Only what was assigned independently counts: where a key decides, the first request of each key, because the later
    /// ones have no choice.
    package struct Period: Hashable, Sendable {
        package let observed: [Int]
        package let weights: [Double]

        /// - Parameters:
        ///   - observed: assignments to each arm, not negative.
        ///   - weights: not negative, in any unit.
        package init(observed: [Int], weights: [Double]) {
            (self.observed, self.weights) = (observed, weights)
        }
    }

    /// The p-value below which a mismatch is warned of: one false alarm in a thousand experiments, as in A. Fabijan et
    /// al., "Diagnosing Sample Ratio Mismatch in Online Controlled Experiments", KDD 2019 (0.0005) and R. Kohavi et al.,
    /// "Trustworthy Online Controlled Experiments", 2020, chapter 21 (0.001).
    package static let threshold = 0.001

    /// Σα: what the Bayes factor believes before the first request, in requests. Small enough to notice within some
    /// hundred requests that an arm gets none.
    static let concentration = 100.0

    package let observed: [Int]
    package let expected: [Double]
    package let statistic: Double
    package let degrees: Int
    /// Of χ², for one look.
    package let pValue: Double
    /// Of the Bayes factor, for any number of looks.
    package let sequentialPValue: Double

    /// The sequential p-value decides, because a report is looked at all the time.
    package var isWarning: Bool { sequentialPValue < Self.threshold }

    /// nil if there is nothing to judge: no request, fewer than two arms with a weight, or counts and weights that do not
    /// fit each other.
    package init?(_ periods: [Period]) {
        let arms = periods.first?.observed.count ?? 0
        var observed = [Int](repeating: 0, count: arms)
        var expected = [Double](repeating: 0, count: arms)
        var evidence = 0.0
        for period in periods {
            guard let shares = period.shares(of: arms) else { return nil }
            let total = Double(period.observed.reduce(0, +))
            for arm in 0..<arms {
                observed[arm] += period.observed[arm]
                expected[arm] += total * shares[arm]
            }
            evidence += Self.logBayesFactor(period.observed, shares)
        }
        let possible = (0..<arms).filter { expected[$0] > 0 }
        guard possible.count > 1 else { return nil }
        (self.observed, self.expected) = (observed, expected)
        degrees = possible.count - 1
        let impossible = evidence == .infinity
        statistic =
            impossible
            ? .infinity
            : possible.reduce(0) { sum, arm in
                let difference = Double(observed[arm]) - expected[arm]
                return sum + difference * difference / expected[arm]
            }
        pValue = ChiSquared(degrees: Double(degrees)).survival(statistic)
        sequentialPValue = min(1, exp(-evidence))
    }

    /// ln B of one period; +∞ if an arm without weight got a request.
    private static func logBayesFactor(_ observed: [Int], _ shares: [Double]) -> Double {
        let total = Double(observed.reduce(0, +))
        var result = logGamma(concentration) - logGamma(concentration + total)
        for (count, share) in zip(observed, shares) where count > 0 {
            guard share > 0 else { return .infinity }
            let (prior, count) = (concentration * share, Double(count))
            result += logGamma(prior + count) - logGamma(prior) - count * log(share)
        }
        return result
    }
}

extension SampleRatioMismatch.Period {
    /// Weights that add up to 1; nil if they or the counts are not what the initialiser asks for.
    fileprivate func shares(of arms: Int) -> [Double]? {
        let sum = weights.reduce(0, +)
        guard observed.count == arms, weights.count == arms, sum > 0, sum.isFinite,
            weights.allSatisfy({ $0 >= 0 }), observed.allSatisfy({ $0 >= 0 })
        else { return nil }
        return weights.map { $0 / sum }
    }
}
