internal import Glibc

/// Student's t distribution; its degrees of freedom are positive and need not be whole (Welch).
package struct StudentT: Hashable, Sendable {
    package let degrees: Double

    /// - Precondition: `degrees` is positive and finite.
    package init(degrees: Double) {
        precondition(degrees > 0 && degrees.isFinite)
        self.degrees = degrees
    }

    /// ln of the density at 0: ln Γ((ν+1)/2) − ln Γ(ν/2) − ½·ln(νπ), by `Stirling` so that large ν lose no digits.
    package var logPeak: Double {
        let half = degrees / 2
        return Stirling.error(half + 0.5) - Stirling.error(half) - Stirling.deviance(half, half + 0.5)
            - Stirling.halfLogTwoPi
    }

    /// Γ((ν+1)/2) / (Γ(ν/2)·√(νπ)) · (1 + t²/ν)^(−(ν+1)/2).
    package func density(_ t: Double) -> Double { exp(logPeak + logShape(t)) }

    /// ln of the density relative to its peak: −(ν+1)/2 · ln(1 + t²/ν).
    func logShape(_ t: Double) -> Double { -0.5 * (degrees + 1) * log1p(t * t / degrees) }

    /// P(T ≤ t).     Abramowitz and Stegun 26.7.1: P(|T| > t) = I_{ν/(ν+t²)}(ν/2, ½)
    package func cumulative(_ t: Double) -> Double {
        t <= 0 ? outside(-t) / 2 : 1 - outside(t) / 2
    }

    /// P(T > t), with its digits where it is small.
    package func survival(_ t: Double) -> Double { cumulative(-t) }

    /// P(|T| > |t|): the p-value of a two-sided test.
    package func outside(_ t: Double) -> Double { areas(abs(t)).outside }

    /// The t with P(T ≤ t) = p, for |t| up to 1e150; ±∞ at 1 and 0, NaN outside [0, 1].
    ///
    /// Newton's method in u = ln |t|, in which both the tail (for small p) and the area around zero (for p near ½) are
    /// close to power laws.
    package func quantile(_ p: Double) -> Double {
        guard p >= 0, p <= 1 else { return .nan }
        if p > 0.5 { return -quantile(1 - p) }
        if p == 0.5 { return 0 }
        guard p > 0 else { return -.infinity }
        let tail = p <= 0.25
        let u = Inversion.solve(log(tail ? 2 * p : 1 - 2 * p), from: 0, increasing: !tail) { u in
            let t = exp(u)
            let areas = areas(t)
            let area = tail ? areas.outside : areas.inside
            let slope = 2 * density(t) * t / area
            return Inversion.Sample(value: log(area), slope: tail ? -slope : slope)
        }
        return -exp(u)
    }

    /// P(|T| > t) and P(|T| ≤ t), for t ≥ 0.
    private func areas(_ t: Double) -> (outside: Double, inside: Double) {
        if t == .infinity { return (0, 1) }
        // ν/(ν+t²) and its complement, each without a difference; t² may overflow where t/√ν does not.
        let ratio = t / degrees.squareRoot()
        let square = ratio * ratio
        let tails = IncompleteBeta.tails(degrees / 2, 0.5, x: 1 / (1 + square), complement: 1 / (1 + 1 / square))
        return (tails.lower, tails.upper)
    }
}
