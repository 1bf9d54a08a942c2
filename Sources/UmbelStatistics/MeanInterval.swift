/// A mean with a confidence interval for one look at a fixed time, by Student's t: x̄ ± t_{1−α/2, n−1}·s/√n.
///
/// Exact for normal values, asymptotic otherwise ("Student" [W. S. Gosset], Biometrika 1908). Looked at again and again
/// it does not keep its level; `SequentialTest` does.
package struct MeanInterval: Hashable, Sendable {
    package let mean: Double
    package let lower: Double
    package let upper: Double

    /// nil with fewer than two values: nothing is known of their variance.
    ///
    /// - Parameter level: such as 0.95, in 0..<1.
    package init?(_ moments: RunningMoments, level: Double = 0.95) {
        guard let variance = moments.variance else { return nil }
        let quantile = -StudentT(degrees: Double(moments.count - 1)).quantile((1 - level) / 2)
        let half = quantile * (variance / Double(moments.count)).squareRoot()
        (mean, lower, upper) = (moments.mean, moments.mean - half, moments.mean + half)
    }
}
