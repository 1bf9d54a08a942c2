import Testing
import UmbelStatistics
import UmbelTesting

@Suite struct SampleRatioMismatchTests {
    @Test func `χ² as SciPy computes it`() throws {
        let test = try #require(SampleRatioMismatch([.init(observed: [480, 530, 990], weights: [1, 1, 2])]))
        #expect(agree(test.statistic, 2.7) && test.degrees == 2)
        #expect(agree(test.pValue, 0.2592402606458915))
        #expect(test.expected == [500, 500, 1000] && !test.isWarning)
    }

    @Test func `the Bayes factor as SciPy computes it`() throws {
        let test = try #require(SampleRatioMismatch([.init(observed: [480, 630], weights: [1, 1])]))
        #expect(agree(test.sequentialPValue, 0.0003095676875539962))
        #expect(test.isWarning)
    }

    @Test func `periods with other weights add up`() throws {
        let periods = [
            SampleRatioMismatch.Period(observed: [900, 100], weights: [9, 1]),
            SampleRatioMismatch.Period(observed: [500, 500], weights: [1, 1]),
        ]
        let test = try #require(SampleRatioMismatch(periods))
        #expect(test.expected == [1400, 600] && test.statistic == 0 && test.sequentialPValue == 1)
        // The same counts against the last weights alone would look like a mismatch.
        let pooled = try #require(SampleRatioMismatch([.init(observed: [1400, 600], weights: [1, 1])]))
        #expect(pooled.isWarning)
    }

    @Test func `an arm that gets nothing is noticed within a few dozen requests`() throws {
        let test = try #require(SampleRatioMismatch([.init(observed: [60, 0], weights: [1, 1])]))
        #expect(test.isWarning)
    }

    @Test func `a request for an arm without weight cannot be chance`() throws {
        let test = try #require(SampleRatioMismatch([.init(observed: [5, 5, 1], weights: [1, 1, 0])]))
        #expect(test.pValue == 0 && test.sequentialPValue == 0 && test.degrees == 1)
    }

    @Test func `nothing to judge`() {
        #expect(SampleRatioMismatch([]) == nil)
        #expect(SampleRatioMismatch([.init(observed: [0, 0], weights: [1, 1])]) == nil)
        #expect(SampleRatioMismatch([.init(observed: [5], weights: [1])]) == nil)
        #expect(SampleRatioMismatch([.init(observed: [5, 5], weights: [1])]) == nil)
        #expect(SampleRatioMismatch([.init(observed: [5, -5], weights: [1, 1])]) == nil)
        #expect(SampleRatioMismatch([.init(observed: [5, 5], weights: [1, -1])]) == nil)
        #expect(SampleRatioMismatch([.init(observed: [5, 5], weights: [0, 0])]) == nil)
    }

    /// Looks after each request for as many as `requests`; the share of `runs` in which `rejects` ever says so.
    private func rate(
        runs: Int, requests: Int, share: Double, _ rejects: (SampleRatioMismatch) -> Bool
    ) -> Double {
        var generator = SeededGenerator(seed: 11)
        var rejected = 0
        for _ in 0..<runs {
            var counts = [0, 0]
            for _ in 0..<requests {
                counts[generator.unit() < share ? 0 : 1] += 1
                guard let test = SampleRatioMismatch([.init(observed: counts, weights: [1, 1])]), rejects(test)
                else { continue }
                rejected += 1
                break
            }
        }
        return Double(rejected) / Double(runs)
    }

    @Test func `looking after each request raises no more false alarms than stated`() {
        // At 0.05 instead of 0.001, so that few runs can tell.
        #expect(rate(runs: 200, requests: 300, share: 0.5) { $0.sequentialPValue < 0.05 } <= 0.05)
    }

    @Test func `the same check finds χ² too eager`() {
        #expect(rate(runs: 200, requests: 300, share: 0.5) { $0.statistic > 3.841 } > 0.05)
    }

    @Test func `a lost tenth of one arm is found`() throws {
        let test = try #require(SampleRatioMismatch([.init(observed: [10_000, 9_000], weights: [1, 1])]))
        #expect(test.isWarning)
    }
}
