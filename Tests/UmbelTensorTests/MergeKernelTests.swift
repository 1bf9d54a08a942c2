import CUmbelKernels
import Testing
import UmbelTensor

/// The kernels of the merge path give the bits of their plain twins, at every size around a block's edge.
@Suite("Merge kernels")
struct MergeKernelTests {
    /// Numbers from a fixed seed, of magnitudes from 2⁻³⁰ to 2³⁰, some of them zeros of either sign.
    private static func numbers(_ count: Int, seed: UInt64) -> [Float] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let mantissa = Float(state >> 41) * 0x1p-23 + 1
            let exponent = Int((state >> 33) % 61) - 30
            if exponent == 0 { return state & 0x100 == 0 ? 0 : -0.0 }
            let value = Float(sign: .plus, exponent: exponent, significand: mantissa)
            return state & 0x200 == 0 ? value : -value
        }
    }

    private static func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

    @Test("Products, plain and added", arguments: [1, 3, 4, 5, 8, 9, 17], [1, 3, 4, 7, 16, 19, 64, 87, 130])
    func products(rows: Int, columns: Int) {
        for inner in [0, 1, 4, 33] {
            let a = Self.numbers(rows * inner, seed: 1)
            let b = Self.numbers(inner * columns, seed: 2)
            var plain = Self.numbers(rows * columns, seed: 3)
            var plainTwin = plain
            var sum = plain
            var sumTwin = plain
            umbel_multiply(&plain, columns, a, inner, b, columns, rows, inner, columns)
            umbel_multiply_reference(&plainTwin, columns, a, inner, b, columns, rows, inner, columns)
            umbel_multiply_add(&sum, columns, a, inner, b, columns, rows, inner, columns, 0.7)
            umbel_multiply_add_reference(&sumTwin, columns, a, inner, b, columns, rows, inner, columns, 0.7)
            #expect(Self.bits(plain) == Self.bits(plainTwin))
            #expect(Self.bits(sum) == Self.bits(sumTwin))
        }
    }

    @Test("A product added is the product, then the sum")
    func productThenSum() {
        let a = Self.numbers(9 * 12, seed: 4)
        let b = Self.numbers(12 * 83, seed: 5)
        var fused = Self.numbers(9 * 83, seed: 6)
        var separate = fused
        var product = [Float](repeating: 0, count: 9 * 83)
        umbel_multiply_add(&fused, 83, a, 12, b, 83, 9, 12, 83, 1.3)
        umbel_multiply(&product, 83, a, 12, b, 83, 9, 12, 83)
        umbel_add_scaled(&separate, product, 1.3, product.count)
        #expect(Self.bits(fused) == Self.bits(separate))
    }

    @Test("Elementwise passes", arguments: [0, 1, 7, 16, 33, 1000])
    func elementwise(count: Int) {
        let x = Self.numbers(count, seed: 7)
        let y = Self.numbers(count, seed: 8)
        func check(_ change: (inout [Float]) -> Void, _ twin: (inout [Float]) -> Void) {
            var (actual, expected) = (y, y)
            change(&actual)
            twin(&expected)
            #expect(Self.bits(actual) == Self.bits(expected))
        }
        check(
            { umbel_add_multiple(&$0, x, 0.3, 0.7, count) }, { umbel_add_multiple_reference(&$0, x, 0.3, 0.7, count) })
        check({ umbel_scale(&$0, 1.1, count) }, { umbel_scale_reference(&$0, 1.1, count) })
        check({ umbel_interpolate(&$0, x, 0.7, count) }, { umbel_interpolate_reference(&$0, x, 0.7, count) })
        #expect(umbel_largest_magnitude(x, count) == umbel_largest_magnitude_reference(x, count))
    }

    @Test("Axes exchanged", arguments: [1, 5, 32, 67], [1, 3, 9, 27])
    func transposition(rows: Int, columns: Int) {
        let input = Self.numbers(rows * columns, seed: 9)
        var actual = [Float](repeating: 0, count: rows * columns)
        var expected = actual
        umbel_transpose(&actual, input, rows, columns)
        umbel_transpose_reference(&expected, input, rows, columns)
        #expect(Self.bits(actual) == Self.bits(expected))
    }

    @Test("The largest magnitude leaves NaN out and keeps infinity")
    func largestMagnitude() {
        #expect(umbel_largest_magnitude([1, .nan, -3, 2], 4) == 3)
        #expect(umbel_largest_magnitude([1, -.infinity, .nan], 3) == .infinity)
    }
}
