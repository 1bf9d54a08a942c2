import CUmbelKernels
import Testing
import UmbelTensor
import UmbelTesting

/// One program, several instruction sets, the same bits.
@Suite("Kernel sets")
struct KernelSetTests {
    @Test("Plain C is always there, and comes last")
    func plainIsLast() {
        #expect(KernelSet.available.last == "plain")
        #expect(Set(KernelSet.available).count == KernelSet.available.count)
    }

    @Test("A set that does not exist is not chosen")
    func unknownSet() {
        #expect(umbel_kernels_choose("abacus") == 0)
        #expect(KernelSet.available.contains(String(cString: umbel_kernels_chosen())))
    }

    /// Every finite number of a format, every half-way point between two of them and its neighbours, in both signs.
    private static func numbers(around format: DType) -> [Float] {
        let codes: UInt32 = format == .bf16 || format == .f16 ? 65_536 : 256
        let kind = format.floatFormat ?? UMBEL_F32
        var finite: [Float] = []
        for code in 0..<codes / 2 {
            let value = withUnsafeBytes(of: code.littleEndian) { umbel_widen_one_reference($0.baseAddress, kind) }
            if value.isFinite { finite.append(value) }
        }
        var numbers: [Float] = []
        for (low, high) in zip(finite, finite.dropFirst()) {
            let middle = Float((Double(low) + Double(high)) / 2)
            numbers += [low, middle.nextDown, middle, middle.nextUp]
        }
        numbers += [finite[finite.count - 1]]
        return numbers + numbers.map { -$0 }
    }

    @Test(
        "Rounding in passing is rounding one by one", arguments: [DType.bf16, .f16, .f8e4m3, .f8e5m2])
    func roundingInPassing(_ format: DType) {
        let numbers = Self.numbers(around: format)
        let kind = format.floatFormat ?? UMBEL_F32
        var expected = [UInt8](repeating: 0, count: numbers.count * format.byteCount)
        expected.withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            for (index, number) in numbers.enumerated() {
                umbel_narrow_one_reference(start + index * format.byteCount, number, kind)
            }
        }
        KernelSets.each { set in
            #expect(Self.converted(numbers, to: kind, format.byteCount) == expected, "\(set)")
        }
    }

    @Test("Widening in passing is widening one by one", arguments: [DType.bf16, .f16, .f8e4m3, .f8e5m2])
    func wideningInPassing(_ format: DType) {
        let kind = format.floatFormat ?? UMBEL_F32
        let count = format.byteCount == 2 ? 65_536 : 256
        let codes = (0..<count).flatMap { code in
            (0..<format.byteCount).map { UInt8(truncatingIfNeeded: code >> (8 * $0)) }
        }
        KernelSets.each { set in
            var values = [Float](repeating: 0, count: count)
            codes.withUnsafeBytes { input in
                values.withUnsafeMutableBytes { output in
                    var tile = umbel_tile(
                        in: input.baseAddress, out: output.baseAddress, in_format: kind, out_format: UMBEL_F32, rows: 1,
                        columns: count, in_stride: count, out_stride: count, limit: .infinity, past_caches: 0)
                    umbel_convert(&tile)
                }
            }
            var wrong: [Int] = []
            for code in 0..<count {
                let expected = codes[(code * format.byteCount)...].withUnsafeBytes {
                    umbel_widen_one_reference($0.baseAddress, kind)
                }
                let isSame =
                    values[code].bitPattern == expected.bitPattern || (values[code].isNaN && expected.isNaN)
                if !isSame { wrong.append(code) }
            }
            #expect(wrong == [], "\(set)")
        }
    }

    private static func converted(_ numbers: [Float], to format: umbel_float_format, _ byteCount: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: numbers.count * byteCount)
        numbers.withUnsafeBytes { input in
            bytes.withUnsafeMutableBytes { output in
                var tile = umbel_tile(
                    in: input.baseAddress, out: output.baseAddress, in_format: UMBEL_F32, out_format: format, rows: 1,
                    columns: numbers.count, in_stride: numbers.count, out_stride: numbers.count, limit: .infinity,
                    past_caches: 0)
                umbel_convert(&tile)
            }
        }
        return bytes
    }

    @Test("Products, sums and comparisons have the same bits in every set")
    func otherKernels() {
        var random = SeededGenerator(seed: 12)
        for count in [0, 1, 31, 32, 33, 100, 1000] {
            let (x, y) = (random.values(count), random.values(count))
            let squares = umbel_sum_of_squares_reference(x, count)
            var comparison = umbel_comparison()
            umbel_compare_reference(&comparison, x, y, x, count)
            KernelSets.each { set in
                #expect(umbel_sum_of_squares(x, count) == squares, "\(set)")
                var other = umbel_comparison()
                umbel_compare(&other, x, y, x, count)
                #expect(other.squares_distance == comparison.squares_distance && other.equal == comparison.equal)
                #expect(umbel_largest_magnitude(x, count) == umbel_largest_magnitude_reference(x, count), "\(set)")
            }
        }
        for (rows, inner, columns) in [(3, 7, 5), (9, 20, 70), (8, 64, 129)] {
            let (a, b) = (random.values(rows * inner), random.values(inner * columns))
            var expected = [Float](repeating: 0, count: rows * columns)
            umbel_multiply_reference(&expected, columns, a, inner, b, columns, rows, inner, columns)
            KernelSets.each { set in
                var actual = [Float](repeating: 0, count: rows * columns)
                umbel_multiply(&actual, columns, a, inner, b, columns, rows, inner, columns)
                #expect(actual == expected, "\(set)")
            }
        }
        let rows = random.values(7 * 50)
        var expected = [Double](repeating: 0, count: 50)
        for row in 0..<7 {
            for column in 0..<50 {
                expected[column] += Double(rows[row * 50 + column]) * Double(rows[row * 50 + column])
            }
        }
        KernelSets.each { set in
            var sums = [Double](repeating: 0, count: 50)
            umbel_add_squares(&sums, rows, 50, 7, 50)
            #expect(sums == expected, "\(set)")
        }
        var expectedF32 = random.values(50)
        let before = expectedF32
        umbel_add_f32_squares_reference(&expectedF32, rows, 50, 7, 50)
        KernelSets.each { set in
            var sums = before
            umbel_add_f32_squares(&sums, rows, 50, 7, 50)
            #expect(sums == expectedF32, "\(set)")
        }
    }

    @Test("Blocks of rotations are orthogonal, and the same in every set", arguments: [1, 2, 4, 7, 16, 33])
    func rotations(size: Int) throws {
        var random = SeededGenerator(seed: 13)
        var blocks = SquareBlocks(size: size, values: random.values(3 * size * size).map(Double.init))
        blocks.makeAntisymmetric()
        var first: [Double]?
        KernelSets.each { set in
            var rotations = blocks
            let isFinite = rotations.transformByCayley()
            #expect(isFinite)
            #expect(rotations.values == first ?? rotations.values, "\(set)")
            first = rotations.values
        }
        let rotation = SmallMatrix(size: size, values: Array(try #require(first).prefix(size * size)))
        let product = rotation * rotation.transposed - SmallMatrix(identity: size)
        #expect(product.values.allSatisfy { abs($0) < 1e-12 })
    }
}
