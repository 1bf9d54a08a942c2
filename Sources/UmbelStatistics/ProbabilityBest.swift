/// The probability that each arm's mean is the best of all.
///
/// P(i is best) = ∫ fᵢ(x) · Πⱼ≠ᵢ Fⱼ(x) dx over the arms' posteriors (`Posterior`), here for "higher is better"; for lower
/// the axis is turned. The integral is taken numerically, panel by panel with Gauss's quadrature, and the same nodes
/// give each Fⱼ, so the answer is deterministic and its error below 1e-6. For two binary metrics it is the integral of
/// E. Miller, "Formulas for Bayesian A/B Testing", 2014, for any number of arms.
package enum ProbabilityBest {
    package enum Direction: Hashable, Sendable {
        case higher
        case lower
    }

    /// One number an arm, in order; together they are 1.
    ///
    /// An arm with fewer than two values says nothing of its variance: it has nil and is left out of the comparison. With
    /// fewer than two arms left all are nil. The binary posterior is used if every value of every arm that is compared
    /// was 0 or 1. Arms without any variance are taken as known exactly; two such arms with the same mean share.
    package static func of(_ arms: [RunningMoments], better direction: Direction = .higher) -> [Double?] {
        let compared = arms.indices.filter { arms[$0].count > 1 }
        var result = [Double?](repeating: nil, count: arms.count)
        guard compared.count > 1 else { return result }
        let probabilities = BestArmIntegral(posteriors(compared.map { arms[$0] }), direction).probabilities()
        for (index, probability) in zip(compared, probabilities) { result[index] = probability }
        return result
    }

    private static func posteriors(_ arms: [RunningMoments]) -> [Posterior] {
        let successes = arms.compactMap(\.successes)
        if successes.count == arms.count {
            return zip(arms, successes).map { Posterior(Beta(1 + Double($1), 1 + Double($0.count - $1))) }
        }
        // Around their middle, so that a large common mean costs no digits.
        let centre = arms.reduce(0) { $0 + $1.mean / Double(arms.count) }
        let scales = arms.map { (($0.variance ?? 0) / Double($0.count)).squareRoot() }
        let magnitude = zip(arms, scales).reduce(0) { max($0, abs($1.0.mean - centre), $1.1) }
        // What has no variance gets a billionth of what there is to see.
        let least = magnitude > 0 ? 1e-9 * magnitude : 1
        return zip(arms, scales).map { arm, scale in
            Posterior(
                StudentT(degrees: Double(arm.count - 1)), location: arm.mean - centre, scale: max(scale, least))
        }
    }
}
