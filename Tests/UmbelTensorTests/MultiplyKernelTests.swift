import CUmbelKernels
import Testing
import UmbelTesting

/// The kernels against their plain twins, bit for bit.
@Suite("Product kernels")
struct MultiplyKernelTests {
    /// Numbers that a sum could get wrong: subnormals, huge, tiny, signed zeros, infinities, NaN.
    static let specials: [Float] = [
        0, -0.0, 1, -1, .leastNonzeroMagnitude, -.leastNormalMagnitude, .greatestFiniteMagnitude, 1e-30, 3e38,
        .infinity,
        -.infinity, .nan, 0x1.fffffep0, 0x1p-126,
    ]

    private func isSame(_ a: [Float], _ b: [Float]) -> Bool {
        // Which NaN comes out of an operation is the processor's affair.
        zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN) }
    }

    private func product(
        _ rows: Int, _ inner: Int, _ columns: Int, padding: Int, _ random: inout SeededGenerator, specials: Bool = false
    ) -> (fast: [Float], plain: [Float]) {
        func numbers(_ count: Int) -> [Float] {
            (0..<count).map { _ in
                specials
                    ? Self.specials[Int.random(in: 0..<Self.specials.count, using: &random)]
                    : Float.random(in: -2...2, using: &random)
            }
        }
        let (outStride, leftStride, rightStride) = (columns + padding, inner + padding, columns + padding)
        let left = numbers(rows * leftStride + 1)
        let right = numbers(inner * rightStride + 1)
        // What lies between the rows must stay.
        var fast = [Float](repeating: 7, count: rows * outStride + 1)
        var plain = fast
        umbel_multiply(&fast, outStride, left, leftStride, right, rightStride, rows, inner, columns)
        umbel_multiply_reference(&plain, outStride, left, leftStride, right, rightStride, rows, inner, columns)
        return (fast, plain)
    }

    @Test("A product equals its reference for every small shape", arguments: 0...9)
    func productEqualsReference(rows: Int) {
        var random = SeededGenerator(seed: UInt64(rows))
        var failures: [String] = []
        for inner in 0...9 {
            for columns in 0...130 {
                let result = product(rows, inner, columns, padding: (columns + inner) % 3, &random)
                if !isSame(result.fast, result.plain) { failures.append("\(rows)×\(inner)×\(columns)") }
            }
        }
        #expect(failures == [])
    }

    @Test("A product equals its reference for special values")
    func productOfSpecialValues() {
        var random = SeededGenerator(seed: 5)
        for (rows, inner, columns) in [(1, 1, 1), (4, 3, 64), (5, 9, 81), (9, 2, 130), (3, 7, 15), (8, 8, 128)] {
            for _ in 0..<20 {
                let result = product(rows, inner, columns, padding: 1, &random, specials: true)
                #expect(isSame(result.fast, result.plain), "\(rows)×\(inner)×\(columns)")
            }
        }
    }

    @Test("The parts of a product are the product of the parts, to the bit", arguments: 1...9)
    func productDoesNotDependOnTheCut(rows: Int) {
        var random = SeededGenerator(seed: 77)
        let (inner, columns) = (11, 100)
        let left = random.values(rows * inner)
        let right = random.values(inner * columns)
        var whole = [Float](repeating: 0, count: rows * columns)
        umbel_multiply(&whole, columns, left, inner, right, columns, rows, inner, columns)
        for row in 0..<rows {
            var one = [Float](repeating: 0, count: columns)
            umbel_multiply(&one, columns, Array(left[(row * inner)...]), inner, right, columns, 1, inner, columns)
            #expect(one == Array(whole[row * columns..<(row + 1) * columns]))
        }
    }

    @Test("The elementwise passes equal plain loops for every small length and offset")
    func elementwisePasses() {
        var random = SeededGenerator(seed: 3)
        for count in 0...70 {
            for offset in 0...2 {
                let x = (0..<count + offset).map { _ in Float.random(in: -3...3, using: &random) }
                let y = (0..<count).map { _ in Float.random(in: -3...3, using: &random) }
                let part = Array(x[offset...])
                var sum = y
                umbel_add_scaled(&sum, part, 0.3, count)
                #expect(sum == (0..<count).map { y[$0].addingProduct(0.3, part[$0]) })
                var products = y
                umbel_multiply_elements(&products, part, count)
                #expect(products == (0..<count).map { y[$0] * part[$0] })
                #expect(umbel_sum_of_squares(part, count) == umbel_sum_of_squares_reference(part, count))
                var squares = y.map(Double.init)
                umbel_add_squares(&squares, part, count, 1, count)
                #expect(squares == (0..<count).map { Double(y[$0]) + Double(part[$0]) * Double(part[$0]) })
            }
        }
    }

    @Test("A sum of squares does not overflow where f32 would")
    func sumOfSquaresIsWide() {
        let huge = [Float](repeating: .greatestFiniteMagnitude, count: 100)
        let square = Double(Float.greatestFiniteMagnitude) * Double(Float.greatestFiniteMagnitude)
        #expect(abs(umbel_sum_of_squares(huge, 100) / (100 * square) - 1) < 1e-12)
        #expect(umbel_sum_of_squares([.infinity], 1) == .infinity)
        #expect(umbel_sum_of_squares([.nan], 1).isNaN)
    }

    @Test("All are below a limit only if every magnitude is, and none is NaN")
    func allBelow() {
        #expect(umbel_all_below([], 1, 0) == 1)
        let limits: [Float] = [1, 65520, 0x1.ffp127, .infinity, Float(464).nextUp]
        for limit in limits {
            for count in 1...40 {
                for position in [0, count / 2, count - 1] {
                    var values = [Float](repeating: 0.5, count: count)
                    for (value, isBelow) in [
                        (limit.nextDown, true), (-limit.nextDown, true), (limit, false), (-limit, false),
                        (.infinity, false), (-.infinity, false), (.nan, false), (-.nan, false), (-0.0, true),
                        (.leastNonzeroMagnitude, true),
                    ] as [(Float, Bool)] {
                        values[position] = value
                        #expect((umbel_all_below(values, limit, count) == 1) == isBelow, "\(value) under \(limit)")
                    }
                }
            }
        }
    }
}
