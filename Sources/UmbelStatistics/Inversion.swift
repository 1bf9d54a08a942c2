internal import Glibc

/// The inverse of a monotone function, by Newton's method kept inside a bracket.
///
/// Quantiles use it on ln F(u) = ln p with a variable u in which ln F is close to a straight line in the tail, so a few
/// steps reach the last digits however small p is.
enum Inversion {
    /// A value of the function and its derivative there.
    struct Sample {
        let value: Double
        let slope: Double
    }

    /// The u where `function` is `target`.
    ///
    /// The bracket grows from `start` by doubled steps; a step of Newton that leaves it is replaced by its middle.
    static func solve(
        _ target: Double, from start: Double, increasing: Bool, function: (Double) -> Sample
    ) -> Double {
        let sign = increasing ? 1.0 : -1.0
        var (lower, upper) = (start, start)
        var width = 1.0
        while sign * (function(lower).value - target) > 0, width < 1e4 {
            upper = lower
            lower -= width
            width *= 2
        }
        while sign * (function(upper).value - target) < 0, width < 1e4 {
            lower = max(lower, upper)
            upper += width
            width *= 2
        }
        var u = (lower + upper) / 2
        for _ in 0..<200 {
            let sample = function(u)
            let excess = sample.value - target
            if excess == 0 { return u }
            if sign * excess > 0 { upper = u } else { lower = u }
            var next = u - excess / sample.slope
            // Not a number, or out of the bracket: halve.
            if !(next > lower && next < upper) { next = (lower + upper) / 2 }
            if abs(next - u) <= 2e-16 * abs(next) || next == u { return next }
            u = next
        }
        return u
    }
}
