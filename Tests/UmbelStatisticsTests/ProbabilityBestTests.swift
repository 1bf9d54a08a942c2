import Glibc
import Testing
import UmbelStatistics
import UmbelTesting

@Suite struct ProbabilityBestTests {
    private func binary(_ ones: Int, of count: Int) -> RunningMoments {
        RunningMoments((0..<count).map { $0 < ones ? 1 : 0 })
    }

    /// Moments with a mean and a standard deviation.
    private func real(_ count: Int, mean: Double, deviation: Double) throws -> RunningMoments {
        try #require(
            RunningMoments(
                count: count, mean: mean, squares: deviation * deviation * Double(count - 1), minimum: mean - 1,
                maximum: mean + 1, isBinary: false))
    }

    private func close(_ actual: [Double?], _ expected: [Double], _ tolerance: Double = 1e-6) -> Bool {
        zip(actual, expected).allSatisfy { abs(($0 ?? .nan) - $1) <= tolerance } && actual.count == expected.count
    }

    @Test func `three rates, as SciPy integrates them`() {
        let arms = [binary(50, of: 1000), binary(60, of: 1000), binary(52, of: 1052)]
        let expected = [0.13583015147726868, 0.7488230770971644, 0.11534677132554688]
        #expect(close(ProbabilityBest.of(arms), expected))
    }

    @Test func `three means, as SciPy integrates them`() throws {
        let arms = [
            try real(10, mean: 10, deviation: 1), try real(5, mean: 10.5, deviation: 2),
            try real(100, mean: 9.9, deviation: 3),
        ]
        let expected = [0.21914855597611418, 0.6397577721901542, 0.1410936717337255]
        #expect(close(ProbabilityBest.of(arms), expected))
    }

    @Test(arguments: [0, 1, 5, 100, 5000])
    func `two rates follow the closed formula`(ones: Int) {
        // P(B > A) = Σ B(α_A + i, β_A + β_B) / ((β_B + i)·B(1 + i, β_B)·B(α_A, β_A)), i < α_B, by its term ratio.
        let (a, b) = (binary(ones, of: 6000), binary(ones + 20, of: 6500))
        let (alpha, beta) = (Double(ones) + 1, Double(6000 - ones) + 1)
        let (otherAlpha, otherBeta) = (Double(ones) + 21, Double(6500 - ones - 20) + 1)
        var sum = 0.0
        for i in 0..<Int(otherAlpha) {
            let i = Double(i)
            sum += exp(
                logBeta(alpha + i, beta + otherBeta) - log(otherBeta + i) - logBeta(1 + i, otherBeta)
                    - logBeta(alpha, beta))
        }
        #expect(close(ProbabilityBest.of([a, b]), [1 - sum, sum], 1e-7))
    }

    @Test func `equal arms share equally, however many`() throws {
        let arm = try real(2, mean: 3, deviation: 2)
        for count in 2...10 {
            let shares = ProbabilityBest.of([RunningMoments](repeating: arm, count: count))
            #expect(close(shares, [Double](repeating: 1 / Double(count), count: count)))
        }
    }

    @Test func `lower is better is the mirror`() throws {
        let arms = [
            try real(4, mean: 1, deviation: 1), try real(40, mean: 1.5, deviation: 2),
            try real(9, mean: 0.7, deviation: 0.1),
        ]
        let mirrored = [
            try real(4, mean: -1, deviation: 1), try real(40, mean: -1.5, deviation: 2),
            try real(9, mean: -0.7, deviation: 0.1),
        ]
        let lower = ProbabilityBest.of(arms, better: .lower).compactMap { $0 }
        #expect(close(ProbabilityBest.of(mirrored), lower, 1e-9))
    }

    @Test func `widths that differ a millionfold do not matter`() throws {
        let arms = [try real(50, mean: 0, deviation: 1e-6), try real(50, mean: 1, deviation: 10)]
        let chance = StudentT(degrees: 49).cumulative(1 / (10 / 50.0.squareRoot()))
        #expect(close(ProbabilityBest.of(arms), [1 - chance, chance]))
    }

    @Test func `a large common mean costs no digits`() throws {
        let near = ProbabilityBest.of([try real(9, mean: 0, deviation: 1), try real(9, mean: 0.5, deviation: 1)])
        let far = ProbabilityBest.of([try real(9, mean: 1e9, deviation: 1), try real(9, mean: 1e9 + 0.5, deviation: 1)])
        #expect(close(far, near.compactMap { $0 }))
    }

    @Test func `what never varied is known exactly, and equals share`() throws {
        let (low, high) = (try real(5, mean: 1, deviation: 0), try real(5, mean: 2, deviation: 0))
        #expect(close(ProbabilityBest.of([low, high]), [0, 1]))
        #expect(close(ProbabilityBest.of([high, low, high]), [0.5, 0, 0.5]))
    }

    @Test func `an arm with fewer than two values is left out`() throws {
        let arm = try real(5, mean: 1, deviation: 1)
        #expect(ProbabilityBest.of([arm, RunningMoments([3]), arm]) == [0.5, nil, 0.5])
        #expect(ProbabilityBest.of([arm, RunningMoments()]) == [nil, nil])
        #expect(ProbabilityBest.of([]) == [])
    }
}

/// ln B(a, b).
private func logBeta(_ a: Double, _ b: Double) -> Double { lgamma(a) + lgamma(b) - lgamma(a + b) }
