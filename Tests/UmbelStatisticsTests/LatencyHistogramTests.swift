import Testing
import UmbelStatistics
import UmbelTesting

@Suite struct LatencyHistogramTests {
    @Test func `every value is found again within one percent`() {
        var value = 1
        while value <= LatencyHistogram.limit {
            for candidate in [value - 1, value, value + 1] where candidate <= LatencyHistogram.limit {
                var histogram = LatencyHistogram()
                histogram.record(microseconds: candidate)
                let found = histogram.quantile(0.5) ?? .nan
                #expect(abs(found - Double(candidate)) <= 0.01 * Double(candidate), "\(candidate)")
            }
            value += max(value / 9, 1)
        }
    }

    @Test(arguments: [0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1])
    func `quantiles are the nearest rank's value within one percent`(fraction: Double) throws {
        var generator = SeededGenerator(seed: 3)
        var histogram = LatencyHistogram()
        var values: [Int] = []
        for _ in 0..<5000 {
            let value = Int(1000 * Draws.logNormal.next(&generator))
            values.append(value)
            histogram.record(microseconds: value)
        }
        values.sort()
        let rank = max(Int((fraction * 5000).rounded(.up)), 1)
        let exact = Double(values[rank - 1])
        let found = try #require(histogram.quantile(fraction))
        #expect(abs(found - exact) <= 0.01 * exact)
        #expect(histogram.sum == values.reduce(0, +) && histogram.count == 5000)
    }

    @Test func `parts merge to the whole`() {
        var (one, two, whole) = (LatencyHistogram(), LatencyHistogram(), LatencyHistogram())
        for value in 0..<3000 {
            let microseconds = value * value
            if value.isMultiple(of: 3) {
                one.record(microseconds: microseconds)
            } else {
                two.record(microseconds: microseconds)
            }
            whole.record(microseconds: microseconds)
        }
        one.merge(two)
        #expect(one == whole)
    }

    @Test func `what is stored comes back`() {
        var histogram = LatencyHistogram()
        for value in [3, 90, 90, 70_000, 5_000_000] { histogram.record(microseconds: value) }
        #expect(LatencyHistogram(sparse: histogram.sparse, sum: histogram.sum) == histogram)
        #expect(histogram.sparse.count == 4)
        #expect(histogram.mean == Double(3 + 90 + 90 + 70_000 + 5_000_000) / 5)
    }

    @Test func `what cannot have been stored is refused`() {
        #expect(LatencyHistogram(sparse: [(bucket: -1, count: 1)], sum: 0) == nil)
        #expect(LatencyHistogram(sparse: [(bucket: 100_000, count: 1)], sum: 0) == nil)
        #expect(LatencyHistogram(sparse: [(bucket: 3, count: 0)], sum: 0) == nil)
        #expect(LatencyHistogram(sparse: [(bucket: 3, count: .max), (bucket: 4, count: 1)], sum: 0) == nil)
        #expect(LatencyHistogram(sparse: [(bucket: 3, count: 1)], sum: -1) == nil)
    }

    @Test func `values outside the range count at its ends`() {
        var histogram = LatencyHistogram()
        histogram.record(microseconds: -5)
        #expect(histogram.quantile(1) == 0 && histogram.sum == 0)
        histogram.record(microseconds: .max)
        #expect(histogram.sum == LatencyHistogram.limit)
        #expect(LatencyHistogram().quantile(0.5) == nil && LatencyHistogram().mean == nil)
    }
}
