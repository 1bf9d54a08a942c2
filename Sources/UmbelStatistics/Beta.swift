internal import Glibc

/// The beta distribution on [0, 1]; both parameters are positive.
package struct Beta: Hashable, Sendable {
    package let a: Double
    package let b: Double

    /// - Precondition: both are positive and finite.
    package init(_ a: Double, _ b: Double) {
        precondition(a > 0 && b > 0 && a.isFinite && b.isFinite)
        (self.a, self.b) = (a, b)
    }

    package var mean: Double { a / (a + b) }

    /// √(a·b / ((a+b)²(a+b+1))).
    package var deviation: Double { (a / (a + b) * (b / (a + b)) / (a + b + 1)).squareRoot() }

    /// x^(a−1)·(1−x)^(b−1) / B(a, b) inside (0, 1), 0 outside.
    package func density(_ x: Double) -> Double {
        x > 0 && x < 1 ? IncompleteBeta.power(a, b, x, 1 - x) / (x * (1 - x)) : 0
    }

    /// P(X ≤ x) = I_x(a, b).
    package func cumulative(_ x: Double) -> Double { IncompleteBeta.tails(a, b, x: x, complement: 1 - x).lower }

    /// P(X > x), with its digits where it is small.
    package func survival(_ x: Double) -> Double { IncompleteBeta.tails(a, b, x: x, complement: 1 - x).upper }

    /// The x with P(X ≤ x) = p, by Newton's method in u = ln(x/(1−x)) on the logarithm of the smaller tail; NaN outside
    /// [0, 1].
    package func quantile(_ p: Double) -> Double {
        guard p >= 0, p <= 1 else { return .nan }
        if p == 0 || p == 1 { return p }
        let lower = p <= 0.5
        let u = Inversion.solve(log(lower ? p : 1 - p), from: log(a / b), increasing: lower) { u in
            let x = 1 / (1 + exp(-u))
            let complement = 1 / (1 + exp(u))
            let tails = IncompleteBeta.tails(a, b, x: x, complement: complement)
            let tail = lower ? tails.lower : tails.upper
            let slope = IncompleteBeta.power(a, b, x, complement) / tail
            return Inversion.Sample(value: log(tail), slope: lower ? slope : -slope)
        }
        return 1 / (1 + exp(-u))
    }
}
