import CUmbelKernels
import Testing
import UmbelTesting

@testable import UmbelTensor

/// Distances of three tensors in one pass.
@Suite struct CompareKernelTests {
    private static func compared(
        _ kernel: (UnsafeMutablePointer<umbel_comparison>?, [Float], [Float], [Float], Int) -> Void, _ a: [Float],
        _ b: [Float], _ w: [Float]
    ) -> [Double] {
        var sums = umbel_comparison()
        kernel(&sums, a, b, w, a.count)
        return [
            sums.squares_a, sums.squares_b, sums.squares_w, sums.squares_distance, sums.squares_change_a,
            sums.squares_change_b, sums.product, sums.largest, Double(sums.largest_index), Double(sums.equal),
        ]
    }

    @Test func `the sums are those of a plain loop, to the bit, at every small length`() {
        var random = SeededGenerator(seed: 5)
        for count in 0...70 {
            let w = (0..<count).map { _ in Float.random(in: -3...3, using: &random) }
            let a = w.map { $0 + (Bool.random(using: &random) ? 0 : Float.random(in: -1e-3...1e-3, using: &random)) }
            let b = w.map { $0 + (Bool.random(using: &random) ? 0 : Float.random(in: -1...1, using: &random)) }
            let fast = Self.compared({ umbel_compare($0, $1, $2, $3, $4) }, a, b, w)
            let plain = Self.compared({ umbel_compare_reference($0, $1, $2, $3, $4) }, a, b, w)
            #expect(fast.map(\.bitPattern) == plain.map(\.bitPattern), "\(count)")
        }
    }

    @Test func `infinity and NaN come out of both alike`() {
        for odd in [Float.infinity, -.infinity, .nan] {
            var a = [Float](repeating: 1, count: 21)
            let b = a
            a[13] = odd
            a[4] = 3
            let fast = Self.compared({ umbel_compare($0, $1, $2, $3, $4) }, a, b, b)
            let plain = Self.compared({ umbel_compare_reference($0, $1, $2, $3, $4) }, a, b, b)
            #expect(fast.map(\.description) == plain.map(\.description))
            #expect(fast[9] == 19)
            #expect(fast[8] == (odd.isNaN ? 4 : 13))
        }
    }

    @Test func `differences of small changes keep their digits`() {
        // In f32 the square of 2⁻⁸⁰ would vanish.
        let sums = Self.compared({ umbel_compare($0, $1, $2, $3, $4) }, [0x1p-80], [0], [0])
        #expect(sums[3] == 0x1p-160 && sums[7] == 0x1p-80)
    }

    @Test(arguments: [1, 2, 5])
    func `tiles add up to the same bits on any number of threads`(threads: Int) {
        var random = SeededGenerator(seed: 9)
        let count = 100_001
        func tensor() -> TensorView { TestTensor("x", [count], random.values(count)).view }
        let (a, b, base) = (tensor(), tensor(), tensor())
        let one = DifferenceSums(RoundedView(a), RoundedView(b), base: base, pool: ComputePool(threads: 1))
        let more = DifferenceSums(RoundedView(a), RoundedView(b), base: base, pool: ComputePool(threads: threads))
        #expect(one == more)
        #expect(one.elements == count && one.largest > 0)
        #expect(abs(a.number(at: one.largestIndex) - b.number(at: one.largestIndex)) == one.largest)
    }

    @Test func `a view that is rounded is compared after rounding`() {
        let exact = TestTensor("x", [3], [1, 1.0001, 300.3]).view
        let rounded = TestTensor("x", [3], [1, 1.0001, 300.3], as: .bf16).view
        let pool = ComputePool(threads: 1)
        let sums = DifferenceSums(RoundedView(exact, as: .bf16), RoundedView(rounded), base: exact, pool: pool)
        #expect(sums.equal == 3 && sums.squaresDistance == 0 && sums.squaresChangeA > 0)
    }
}
