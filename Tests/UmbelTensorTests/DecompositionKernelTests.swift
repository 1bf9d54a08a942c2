import CUmbelKernels
import Testing
import UmbelTesting

/// The f64 kernels of decompositions against their plain twins, bit for bit, in every set.
@Suite struct DecompositionKernelTests {
    private func numbers(_ count: Int, _ random: inout SeededGenerator) -> [Double] {
        (0..<count).map { _ in
            Double.random(in: -2...2, using: &random) * (Int.random(in: 0..<40, using: &random) == 0 ? 0x1p-600 : 1)
        }
    }

    private func isSame(_ a: [Double], _ b: [Double]) -> Bool { a.map(\.bitPattern) == b.map(\.bitPattern) }

    @Test(
        "A product equals its twin, whichever way its factors lie",
        arguments: [
            (1, 1, 1), (8, 4, 16), (7, 3, 15), (9, 5, 17), (31, 7, 33), (16, 200, 32), (3, 385, 40), (128, 9, 256),
            (20, 0, 3),
        ])
    func products(rows: Int, inner: Int, columns: Int) {
        var random = SeededGenerator(seed: UInt64(rows * inner + columns))
        let (left, right) = (numbers(rows * inner + 1, &random), numbers(inner * columns + 1, &random))
        let before = numbers(rows * (columns + 3), &random)
        var workspace = [Double](repeating: .nan, count: Int(UMBEL_F64_WORKSPACE))
        for (isLeftTurned, isRightTurned, isNegative) in [
            (false, false, false), (true, false, true), (false, true, true),
        ] {
            var (fast, plain) = (before, before)
            left.withUnsafeBufferPointer { left in
                right.withUnsafeBufferPointer { right in
                    let a = umbel_f64_matrix(
                        start: left.baseAddress, row_stride: isLeftTurned ? 1 : inner,
                        column_stride: isLeftTurned ? rows : 1)
                    let b = umbel_f64_matrix(
                        start: right.baseAddress, row_stride: isRightTurned ? 1 : columns,
                        column_stride: isRightTurned ? inner : 1)
                    let sign: Int32 = isNegative ? 1 : 0
                    umbel_f64_multiply_add_reference(&plain, columns + 3, a, b, rows, inner, columns, sign)
                    KernelSets.each { set in
                        fast = before
                        umbel_f64_multiply_add(&fast, columns + 3, a, b, rows, inner, columns, sign, &workspace)
                        #expect(isSame(fast, plain), "\(set), \(isLeftTurned) \(isRightTurned)")
                    }
                }
            }
        }
    }

    @Test func `sums and multiples of vectors equal their twins at every small length`() {
        var random = SeededGenerator(seed: 3)
        for count in 0...130 {
            let (x, y) = (numbers(count, &random), numbers(count, &random))
            let sum = umbel_f64_dot_reference(x, y, count)
            var plain = y
            umbel_f64_add_scaled_reference(&plain, x, 0.7, count)
            KernelSets.each { set in
                #expect(umbel_f64_dot(x, y, count).bitPattern == sum.bitPattern, "\(set), \(count)")
                var fast = y
                umbel_f64_add_scaled(&fast, x, 0.7, count)
                #expect(isSame(fast, plain), "\(set), \(count)")
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 8, 13, 31, 64, 77])
    func `a symmetric product equals its twin, and is the product`(size: Int) {
        var random = SeededGenerator(seed: UInt64(size))
        let stride = size + 5
        let (a, v) = (numbers(size * stride, &random), numbers(size, &random))
        for (first, last) in [(0, size), (size / 3, size), (size / 3, size - size / 4), (0, size / 2)] {
            var fast = [Double](repeating: 0, count: 2 * size)
            var plain = fast
            plain.withUnsafeMutableBufferPointer {
                guard let start = $0.baseAddress else { return }
                umbel_f64_symmetric_rows_reference(start, start + size, a, stride, v, first, last, size)
            }
            KernelSets.each { set in
                fast = [Double](repeating: 0, count: 2 * size)
                fast.withUnsafeMutableBufferPointer {
                    guard let start = $0.baseAddress else { return }
                    umbel_f64_symmetric_rows(start, start + size, a, stride, v, first, last, size)
                }
                #expect(isSame(fast, plain), "\(set), \(first)..<\(last)")
            }
            guard first == 0, last == size else { continue }
            for row in 0..<size {
                let exact = (0..<size).reduce(0.0) { $0 + a[min(row, $1) * stride + max(row, $1)] * v[$1] }
                #expect(abs(fast[row] + fast[size + row] - exact) < 1e-12)
            }
        }
    }

    @Test(arguments: [1, 2, 7, 50])
    func `eigenvalues below a shift are counted like the twin does, also through vanishing pivots`(size: Int) {
        var random = SeededGenerator(seed: UInt64(size))
        let diagonal = (0..<size).map { _ in Double(Int.random(in: -2...2, using: &random)) }
        let squares = (0..<size).map { _ in Double(Int.random(in: 0...2, using: &random)) }
        let shifts = (0..<Int(UMBEL_F64_SHIFTS)).map { Double($0 - 8) / 2 }
        var fast = [Int64](repeating: -1, count: shifts.count)
        var plain = fast
        umbel_f64_count_below_reference(&plain, diagonal, squares, size, shifts, .leastNormalMagnitude)
        KernelSets.each { set in
            umbel_f64_count_below(&fast, diagonal, squares, size, shifts, .leastNormalMagnitude)
            #expect(fast == plain, "\(set)")
        }
        #expect(fast.first == 0 || size > 1)
        #expect(zip(fast, fast.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test(arguments: [1, 2, 3, 10, 60])
    func `a tridiagonal system is solved, with rows exchanged where the pivot is small`(size: Int) {
        var random = SeededGenerator(seed: UInt64(size))
        for shift in [0, 0.3, 5] {
            let diagonal = (0..<size).map { $0 % 3 == 0 ? shift : Double.random(in: -1...1, using: &random) }
            let beside = (0..<max(1, size)).map { _ in Double.random(in: 0.5...1, using: &random) }
            let expected = numbers(size, &random)
            var b = (0..<size).map { row in
                (diagonal[row] - shift - 0.01) * expected[row] + (row > 0 ? beside[row - 1] * expected[row - 1] : 0)
                    + (row + 1 < size ? beside[row] * expected[row + 1] : 0)
            }
            var factors = [Double](repeating: .nan, count: 4 * size)
            var exchanged = [UInt8](repeating: 9, count: size)
            umbel_f64_factor_tridiagonal(&factors, &exchanged, diagonal, beside, size, shift + 0.01, 1e-300)
            umbel_f64_solve_tridiagonal(&b, factors, exchanged, size)
            #expect(zip(b, expected).allSatisfy { abs($0 - $1) < 1e-8 }, "\(shift)")
        }
    }

    @Test func `a vector is brought to length 1, however large or small it is`() {
        for factor in [1, 1e300, 1e-300] {
            var x = [3 * factor, 0, -4 * factor]
            #expect(abs(umbel_f64_normalise(&x, 3) / (5 * factor) - 1) < 1e-15)
            #expect(zip(x, [0.6, 0, -0.8]).allSatisfy { abs($0 - $1) < 1e-15 })
        }
        var zeros = [0.0, 0]
        #expect(umbel_f64_normalise(&zeros, 2) == 0)
        #expect(zeros == [0, 0])
    }
}
