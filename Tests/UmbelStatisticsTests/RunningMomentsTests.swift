import Testing
import UmbelStatistics
import UmbelTesting

@Suite struct RunningMomentsTests {
    @Test func `mean and variance are those of the two-pass formula, also far from zero`() {
        var generator = SeededGenerator(seed: 1)
        let values = (0..<1000).map { _ in 1e8 + generator.normal() }
        let moments = RunningMoments(values)
        let mean = values.reduce(0) { $0 + ($1 - 1e8) } / 1000 + 1e8
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        #expect(agree(moments.mean, mean, 1e-14))
        #expect(agree(moments.squares, squares, 1e-6))
        #expect(moments.minimum == values.min() && moments.maximum == values.max() && moments.count == 1000)
    }

    @Test(arguments: [0, 1, 2, 37, 99, 100])
    func `parts merge to the whole`(cut: Int) {
        var generator = SeededGenerator(seed: UInt64(cut))
        let values = (0..<100).map { _ in 5 + 3 * generator.normal() }
        var merged = RunningMoments(values[..<cut])
        merged.merge(RunningMoments(values[cut...]))
        let whole = RunningMoments(values)
        #expect(merged.count == 100 && agree(merged.mean, whole.mean, 1e-14))
        #expect(agree(merged.squares, whole.squares, 1e-12))
        #expect(merged.minimum == whole.minimum && merged.maximum == whole.maximum)
    }

    @Test func `what is stored comes back`() {
        let moments = RunningMoments([1, 4, 4.5])
        let back = RunningMoments(
            count: moments.count, mean: moments.mean, squares: moments.squares, minimum: moments.minimum,
            maximum: moments.maximum, isBinary: moments.isBinary)
        #expect(back == moments)
        #expect(RunningMoments(count: 0, mean: 7, squares: 7, minimum: 7, maximum: 7, isBinary: false) == .init())
    }

    @Test func `fields that no numbers have are refused`() {
        func stored(
            count: Int = 2, mean: Double = 1, squares: Double = 1, minimum: Double = 0, maximum: Double = 2
        ) -> RunningMoments? {
            RunningMoments(
                count: count, mean: mean, squares: squares, minimum: minimum, maximum: maximum, isBinary: false)
        }
        #expect(stored() != nil)
        #expect(stored(count: -1) == nil && stored(mean: .nan) == nil && stored(squares: -1) == nil)
        #expect(stored(squares: .infinity) == nil && stored(minimum: 3) == nil)
    }

    @Test func `only zeros and ones are binary, and their ones are counted`() {
        #expect(RunningMoments([0, 1, 1, 0, 1]).successes == 3)
        #expect(RunningMoments([0, 1, 0.5]).successes == nil)
        var merged = RunningMoments([0, 1])
        merged.merge(RunningMoments([2]))
        #expect(!merged.isBinary)
    }

    @Test func `one value has no variance`() {
        #expect(RunningMoments([3]).variance == nil && RunningMoments().variance == nil)
        #expect(RunningMoments([3, 5]).variance == 2)
    }
}
