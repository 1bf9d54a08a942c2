internal import Glibc

/// The χ² distribution.
package struct ChiSquared: Hashable, Sendable {
    package let degrees: Double

    /// - Precondition: `degrees` is positive and finite.
    package init(degrees: Double) {
        precondition(degrees > 0 && degrees.isFinite)
        self.degrees = degrees
    }

    /// P(X ≤ x) = P(ν/2, x/2).     Abramowitz and Stegun 26.4.19
    package func cumulative(_ x: Double) -> Double { IncompleteGamma.tails(degrees / 2, x / 2).lower }

    /// P(X > x), with its digits where it is small: the p-value of a statistic.
    package func survival(_ x: Double) -> Double { IncompleteGamma.tails(degrees / 2, x / 2).upper }

    /// The x with P(X ≤ x) = p, by Newton's method in u = ln(x/2) on the logarithm of the smaller tail; NaN outside
    /// [0, 1].
    package func quantile(_ p: Double) -> Double {
        guard p >= 0, p <= 1 else { return .nan }
        if p == 0 { return 0 }
        if p == 1 { return .infinity }
        let lower = p <= 0.5
        let half = degrees / 2
        let u = Inversion.solve(log(lower ? p : 1 - p), from: log(half), increasing: lower) { u in
            let x = exp(u)
            let tails = IncompleteGamma.tails(half, x)
            let tail = lower ? tails.lower : tails.upper
            let slope = IncompleteGamma.power(half, x) * half / tail
            return Inversion.Sample(value: log(tail), slope: lower ? slope : -slope)
        }
        return 2 * exp(u)
    }
}
