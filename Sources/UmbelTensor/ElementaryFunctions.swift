/// Sine, cosine and exponential function in f64, of nothing but IEEE operations and fused multiply-adds in a fixed order:
/// the same bits on every CPU and with every C library, which promise no last bit. Errors are below one unit in the last
/// place.
package enum ElementaryFunctions {
    /// sin x; NaN for what is not finite.
    package static func sine(_ x: Double) -> Double {
        guard x.isFinite else { return .nan }
        let angle = QuarterTurns(x)
        switch angle.quarters {
        case 0: return sine(angle)
        case 1: return cosine(angle)
        case 2: return -sine(angle)
        default: return -cosine(angle)
        }
    }

    /// cos x; NaN for what is not finite.
    package static func cosine(_ x: Double) -> Double {
        guard x.isFinite else { return .nan }
        let angle = QuarterTurns(x)
        switch angle.quarters {
        case 0: return cosine(angle)
        case 1: return -sine(angle)
        case 2: return -cosine(angle)
        default: return sine(angle)
        }
    }

    /// eˣ = 2ᵏ·eʳ with x = k·ln 2 + r, |r| ≤ ½·ln 2.
    package static func exponential(_ x: Double) -> Double {
        guard !x.isNaN else { return .nan }
        guard x < 710 else { return .infinity }
        guard x > -746 else { return 0 }
        // ln 2 in two parts; the first has 33 bits, so that its multiples by k are exact.
        let (upper, lower) = (0x1.62e42fefp-1, 0x1.473de6af278edp-34)
        let power = (x / (upper + lower)).rounded()
        let coarse = x - power * upper
        let rest = coarse - power * lower
        let error = (coarse - rest) - power * lower
        let curve = Series.exponential.value(at: rest) * (rest * rest) + error
        let mantissa = 1 + (rest + curve)
        // In two steps, of which the last alone may round to a subnormal number or overflow.
        let half = Int(power) / 2
        return mantissa * Double(sign: .plus, exponent: half, significand: 1)
            * Double(sign: .plus, exponent: Int(power) - half, significand: 1)
    }

    /// r − r³/3! + …, with the derivative for what r lacks.
    private static func sine(_ angle: QuarterTurns) -> Double {
        let square = angle.rest * angle.rest
        let curve = Series.sine.value(at: square) * (square * angle.rest)
        return angle.rest + (curve + angle.error * (1 - 0.5 * square))
    }

    /// 1 − r²/2 + …; what 1 − r²/2 rounds off is put back.
    private static func cosine(_ angle: QuarterTurns) -> Double {
        let square = angle.rest * angle.rest
        let parabola = 1 - 0.5 * square
        let rounded = (1 - parabola) - 0.5 * square
        let curve = Series.cosine.value(at: square) * (square * square)
        return parabola + (rounded + (curve - angle.rest * angle.error))
    }
}

/// A polynomial whose coefficients are ± reciprocals of factorials. The first term left out is below 2⁻⁶⁰ of the result.
private struct Series {
    /// The constant first.
    let coefficients: [Double]

    /// The reciprocal factorials of these numbers, with alternating signs from `sign` on or all positive.
    init(_ numbers: [Int], sign: Double, alternates: Bool) {
        var signed = sign
        coefficients = numbers.map { number in
            defer { if alternates { signed = -signed } }
            return signed / (1...number).reduce(1.0) { $0 * Double($1) }
        }
    }

    /// (sin r − r)/r³ in r².
    static let sine = Series([3, 5, 7, 9, 11, 13, 15, 17], sign: -1, alternates: true)
    /// (cos r − 1 + r²/2)/r⁴ in r².
    static let cosine = Series([4, 6, 8, 10, 12, 14, 16, 18], sign: 1, alternates: true)
    /// (eʳ − 1 − r)/r² in r.
    static let exponential = Series(Array(2...14), sign: 1, alternates: false)

    func value(at x: Double) -> Double {
        coefficients.reversed().reduce(0) { $1.addingProduct($0, x) }
    }
}
