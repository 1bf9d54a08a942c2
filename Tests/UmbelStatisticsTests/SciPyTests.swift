import Foundation
import Testing
import UmbelStatistics
import UmbelTesting

/// The same random inputs to both: `Tests/Clients/scipy_check.py` computes them with SciPy and compares.
@Suite struct SciPyTests {
    private struct Case: Encodable {
        enum Argument: Encodable {
            case number(Double)
            case list([Double])

            func encode(to encoder: any Encoder) throws {
                var container = encoder.singleValueContainer()
                switch self {
                case .number(let number): try container.encode(number)
                case .list(let list): try container.encode(list)
                }
            }
        }

        let check: String
        let arguments: [Argument]
        let results: [Double]

        init(_ check: String, _ arguments: Argument..., results: [Double]) {
            (self.check, self.arguments, self.results) = (check, arguments, results)
        }

        init(_ check: String, lists: [[Double]], results: [Double]) {
            (self.check, self.arguments, self.results) = (check, lists.map(Argument.list), results)
        }
    }

    @Test(.enabled(if: Python.has("numpy", "scipy"), "python has no numpy or no scipy"))
    func `SciPy agrees on random inputs`() throws {
        var generator = SeededGenerator(seed: 2026)
        var cases: [Case] = []
        for _ in 0..<300 { cases += distributions(&generator) }
        for _ in 0..<50 { cases += try samples(&generator) }
        for _ in 0..<5 { cases += best(&generator) }
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try JSONEncoder().encode(cases).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let (status, output) = try Python.script("scipy_check.py", file.path)
        #expect(status == 0, "\(output)")
        #expect(output.contains("\(cases.count) checked"), "\(output)")
    }

    /// Between `low` and `high`, evenly in the logarithm.
    private func spread(_ low: Double, _ high: Double, _ generator: inout SeededGenerator) -> Double {
        low * pow(high / low, generator.unit())
    }

    private func distributions(_ generator: inout SeededGenerator) -> [Case] {
        let z = 60 * generator.unit() - 30
        let degrees = spread(0.5, 1e6, &generator)
        let t = 3 * generator.normal() * spread(0.1, 10, &generator)
        let (a, b) = (spread(0.5, 1e5, &generator), spread(0.5, 1e5, &generator))
        let beta = Beta(a, b)
        let x = min(max(beta.mean + 3 * beta.deviation * generator.normal(), 0.01 * beta.mean), 0.999)
        let shape = spread(0.5, 1e4, &generator)
        let y = spread(0.1, 4, &generator) * shape
        let p = generator.unit() < 0.5 ? spread(1e-12, 0.5, &generator) : 0.001 + 0.998 * generator.unit()
        let (student, square) = (StudentT(degrees: degrees), ChiSquared(degrees: shape))
        return [
            Case("normal", .number(z), results: [Normal.cumulative(z), Normal.survival(z)]),
            Case(
                "student", .number(degrees), .number(t), results: [student.cumulative(t), student.survival(t)]),
            Case("beta", .number(a), .number(b), .number(x), results: [beta.cumulative(x), beta.survival(x)]),
            Case("chi_squared", .number(shape), .number(y), results: [square.cumulative(y), square.survival(y)]),
            Case("normal_quantile", .number(p), results: [Normal.quantile(p)]),
            Case("student_quantile", .number(degrees), .number(p), results: [student.quantile(p)]),
            Case("beta_quantile", .number(a), .number(b), .number(p), results: [beta.quantile(p)]),
            Case("chi_squared_quantile", .number(shape), .number(p), results: [square.quantile(p)]),
        ]
    }

    private func samples(_ generator: inout SeededGenerator) throws -> [Case] {
        func sample() -> [Double] {
            let draws = Draws.allCases[Int.random(in: 0..<3, using: &generator)]
            let scale = spread(0.01, 100, &generator)
            return (0..<Int.random(in: 2...200, using: &generator)).map { _ in scale * draws.next(&generator) }
        }
        let (first, second) = (sample(), sample())
        let (one, two) = (RunningMoments(first), RunningMoments(second))
        let level = 0.5 + 0.499 * generator.unit()
        let interval = try #require(MeanInterval(one, level: level))
        let welch = try #require(WelchTest(one, two))
        let trials = Int.random(in: 1...5000, using: &generator)
        let successes = Int.random(in: 0...trials, using: &generator)
        let wilson = try #require(WilsonInterval(successes: successes, trials: trials, level: level))
        let counts = (0..<Int.random(in: 2...6, using: &generator)).map { _ in
            Int.random(in: 400...600, using: &generator)
        }
        let weights = counts.map { _ in 0.9 + 0.2 * generator.unit() }
        let ratio = try #require(SampleRatioMismatch([.init(observed: counts, weights: weights)]))
        let observed = Case.Argument.list(counts.map(Double.init))
        return [
            Case(
                "summary", .list(first),
                results: [Double(one.count), one.mean, one.variance ?? .nan, one.minimum, one.maximum]),
            Case("mean_interval", .list(first), .number(level), results: [interval.lower, interval.upper]),
            Case("welch", .list(first), .list(second), results: [welch.statistic, welch.degrees, welch.pValue]),
            Case(
                "wilson", .number(Double(successes)), .number(Double(trials)), .number(level),
                results: [wilson.lower, wilson.upper]),
            Case("chi_square", observed, .list(weights), results: [ratio.statistic, ratio.pValue]),
            Case("multinomial", observed, .list(weights), results: [ratio.sequentialPValue]),
        ]
    }

    private func best(_ generator: inout SeededGenerator) -> [Case] {
        let arms = Int.random(in: 2...5, using: &generator)
        let means = (0..<arms).map { _ in
            let (centre, scale) = (generator.normal(), spread(0.2, 5, &generator))
            return (0..<Int.random(in: 3...40, using: &generator)).map { _ in centre + scale * generator.normal() }
        }
        let rates = (0..<arms).map { _ in
            let count = Int.random(in: 2...3000, using: &generator)
            let ones = Int((Double(count) * (0.1 + 0.05 * generator.unit())).rounded())
            return [Double](repeating: 1, count: ones) + [Double](repeating: 0, count: count - ones)
        }
        func probabilities(_ samples: [[Double]]) -> [Double] {
            ProbabilityBest.of(samples.map { RunningMoments($0) }).map { $0 ?? .nan }
        }
        let counts = rates.map { values in
            let ones = values.reduce(0, +)
            return [ones, Double(values.count) - ones]
        }
        return [
            Case("best_means", lists: means, results: probabilities(means)),
            Case("best_rates", lists: counts, results: probabilities(rates)),
        ]
    }
}
