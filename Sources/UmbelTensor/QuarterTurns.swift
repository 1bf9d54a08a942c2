/// An angle as quarters of a turn, of which whole ones count modulo four, and a rest of at most half a quarter.
///
/// x·2/π is computed in whole numbers, with as many bits of 2/π as x asks for: x = m·2ᵉ, and those bits that would give
/// multiples of four quarters are left out (Payne and Hanek 1983).
struct QuarterTurns {
    let quarters: Int
    /// The rest in radians, from −π/4 to π/4, and what rounding took off it.
    let rest: Double
    let error: Double

    init(_ x: Double) {
        guard abs(x) > 0.75 else {
            (quarters, rest, error) = (0, x, 0)
            return
        }
        let mantissa = UInt64(x.magnitude.significand * 0x1p52)
        let product = Self.product(mantissa, Self.bits(from: Int(x.magnitude.exponent) - 52 - 1))
        // Two bits of whole quarters; the rest as a signed fraction of a quarter.
        let whole = Int(product.high >> 62)
        var (high, low) = (product.high << 2 | product.low >> 62, product.low << 2)
        let isAbove = high >> 63 == 1
        if isAbove {
            low = ~low &+ 1
            high = ~high &+ (low == 0 ? 1 : 0)
        }
        let (fraction, tail) = Self.numbers(high, low)
        let (quarter, quarterTail) = (0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54)
        let radians = fraction * quarter
        let missing = (-radians).addingProduct(fraction, quarter)
            .addingProduct(fraction, quarterTail).addingProduct(tail, quarter)
        let sum = radians + missing
        let isNegative = isAbove != (x < 0)
        rest = isNegative ? -sum : sum
        error = isNegative ? sum - radians - missing : radians - sum + missing
        let count = whole + (isAbove ? 1 : 0)
        quarters = (x < 0 ? -count : count) & 3
    }

    /// The upper 128 of the 192 low bits of `mantissa` times `words`.
    private static func product(_ mantissa: UInt64, _ words: [UInt64]) -> (high: UInt64, low: UInt64) {
        let (first, second, third) = (words[0], words[1], words[2])
        let carry = mantissa.multipliedFullWidth(by: third).high
        let middle = mantissa.multipliedFullWidth(by: second)
        let (low, overflow) = middle.low.addingReportingOverflow(carry)
        return (mantissa &* first &+ middle.high &+ (overflow ? 1 : 0), low)
    }

    /// 192 bits of 2/π from the one worth 2^−`place` on; those before the point are 0.
    private static func bits(from place: Int) -> [UInt64] {
        (0..<3).map { index in
            let first = place - 1 + 64 * index
            let (word, shift) = (first >> 6, UInt64(first & 63))
            let upper = word >= 0 ? twoOverPi[word] : 0
            let lower = word + 1 >= 0 ? twoOverPi[word + 1] : 0
            return shift == 0 ? upper : upper << shift | lower >> (64 - shift)
        }
    }

    /// A fraction of 128 bits as a number and what is missing to it.
    private static func numbers(_ high: UInt64, _ low: UInt64) -> (Double, Double) {
        let zeros = UInt64(high.leadingZeroBitCount)
        guard zeros < 64 else { return (Double(low >> 11) * 0x1p-117, 0) }
        let upper = zeros == 0 ? high : high << zeros | low >> (64 - zeros)
        let lower = low << zeros
        let unit = Double(sign: .plus, exponent: -Int(zeros) - 53, significand: 1)
        let tail = upper << 53 | lower >> 11
        return (Double(upper >> 11) * unit, Double(tail >> 11) * unit * 0x1p-53)
    }

    /// The binary digits of 2/π after the point, as many as the largest number asks for.
    private static let twoOverPi: [UInt64] = [
        0xa2f9_836e_4e44_1529, 0xfc27_57d1_f534_ddc0, 0xdb62_9599_3c43_9041, 0xfe51_63ab_debb_c561,
        0xb724_6e3a_424d_d2e0, 0x0649_2eea_09d1_921c, 0xfe1d_eb1c_b129_a73e, 0xe882_35f5_2ebb_4484,
        0xe99c_7026_b45f_7e41, 0x3991_d639_8353_39f4, 0x9c84_5f8b_bdf9_283b, 0x1ff8_97ff_de05_980f,
        0xef2f_118b_5a0a_6d1f, 0x6d36_7ecf_27cb_09b7, 0x4f46_3f66_9e5f_ea2d, 0x7527_bac7_ebe5_f17b,
        0x3d07_39f7_8a52_92ea, 0x6bfb_5fb1_1f8d_5d08, 0x5603_3046_fc7b_6bab, 0xf0cf_bc20_9af4_361d,
    ]
}
