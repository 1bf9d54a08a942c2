import Testing
import UmbelStatistics

/// Against values that SciPy 1.17 gave: `ttest_1samp`, `ttest_ind(equal_var=False)`, `binomtest`.
@Suite struct IntervalTests {
    private let first = RunningMoments([2.1, 3.4, 1.9, 5.6, 4.4, 3.8])
    private let second = RunningMoments([7.7, 2.2, 6.1, 9.9])

    @Test(arguments: [
        (0.95, 2.0616269022954294, 5.0050397643712365), (0.99, 1.2248556659442023, 5.841811000722464),
    ])
    func `a mean with its interval`(level: Double, lower: Double, upper: Double) throws {
        let interval = try #require(MeanInterval(first, level: level))
        #expect(agree(interval.mean, 3.533333333333333))
        #expect(agree(interval.lower, lower) && agree(interval.upper, upper))
    }

    @Test func `without two values there is no interval and no test`() {
        #expect(MeanInterval(RunningMoments([4])) == nil)
        #expect(WelchTest(first, RunningMoments([4])) == nil)
        #expect(WelchTest(RunningMoments([4, 4]), RunningMoments([5, 5])) == nil)
    }

    @Test func `Welch's test`() throws {
        let test = try #require(WelchTest(first, second))
        #expect(agree(test.statistic, -1.7083467455251413))
        #expect(agree(test.degrees, 3.7572326887287137))
        #expect(agree(test.pValue, 0.16736052949279323))
        #expect(agree(test.difference, 3.533333333333333 - 6.475))
    }

    @Test(arguments: [
        (3, 200, 0.00511423779325831, 0.04316572879269026), (0, 50, 0, 0.07134759913335872),
        (50, 50, 0.9286524008666412, 1),
    ])
    func `Wilson's interval`(successes: Int, trials: Int, lower: Double, upper: Double) throws {
        let interval = try #require(WilsonInterval(successes: successes, trials: trials))
        #expect(interval.proportion == Double(successes) / Double(trials))
        #expect(agree(interval.lower, lower) && agree(interval.upper, upper))
    }

    @Test func `no trials, no interval`() { #expect(WilsonInterval(successes: 0, trials: 0) == nil) }
}
