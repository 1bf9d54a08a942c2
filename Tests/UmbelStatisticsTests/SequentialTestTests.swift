import Testing
import UmbelStatistics
import UmbelTesting

/// 1,000 experiments at a time, looked at after every pair of values. Seeds are fixed, so the outcome is too.
@Suite struct SequentialTestTests {
    /// In how many runs `rejects` ever says so, when it looks after every value of the arm.
    ///
    /// - Parameters:
    ///   - values: of the arm in one run.
    ///   - split: values of the control for each value of the arm.
    ///   - shift: what is added to the arm's values.
    private func rejections(
        of draws: Draws, runs: Int, values: Int, split: Int = 1, shift: Double = 0, seed: UInt64 = 7,
        _ rejects: (_ control: RunningMoments, _ arm: RunningMoments) -> Bool
    ) -> Int {
        var generator = SeededGenerator(seed: seed)
        var rejected = 0
        for _ in 0..<runs {
            var (control, arm) = (RunningMoments(), RunningMoments())
            for _ in 0..<values {
                for _ in 0..<split { control.add(draws.next(&generator)) }
                arm.add(draws.next(&generator) + shift)
                if rejects(control, arm) {
                    rejected += 1
                    break
                }
            }
        }
        return rejected
    }

    private func decides(_ comparison: SequentialComparison) -> Bool {
        comparison.decision == .higher || comparison.decision == .lower
    }

    @Test(arguments: Draws.allCases)
    func `of 1,000 A/A runs with a look after every value fewer than one in twenty find a difference`(draws: Draws) {
        let test = SequentialTest(level: 0.05)
        let found = rejections(of: draws, runs: 1000, values: 2000) { decides(test.compare(control: $0, arm: $1)) }
        #expect(found < 50, "\(found) of 1000")
    }

    @Test(arguments: Draws.allCases)
    func `nine in ten to the control keep the level too`(draws: Draws) {
        let test = SequentialTest(level: 0.05)
        let found = rejections(of: draws, runs: 1000, values: 300, split: 9) {
            decides(test.compare(control: $0, arm: $1))
        }
        #expect(found < 50, "\(found) of 1000")
    }

    @Test func `the same check finds a repeated t-test out`() {
        let found = rejections(of: .normal, runs: 200, values: 300) { control, arm in
            guard arm.count >= SequentialTest.minimumCount, let test = WelchTest(control, arm) else { return false }
            return test.pValue < 0.05
        }
        #expect(found > 20, "\(found) of 200")
    }

    @Test func `a fifth of a standard deviation is found in nearly every run of 2,000`() {
        let test = SequentialTest(level: 0.05)
        let found = rejections(of: .normal, runs: 200, values: 2000, shift: 0.2) {
            test.compare(control: $0, arm: $1).decision == .higher
        }
        #expect(found >= 190, "\(found) of 200")
    }

    @Test func `with four comparisons each is tested at a quarter of the level`() throws {
        let (control, arm) = (sample(seed: 1), sample(seed: 2, shift: 0.3))
        let one = SequentialTest(level: 0.0125).compare(control: control, arm: arm)
        let four = SequentialTest(level: 0.05, comparisons: 4).compare(control: control, arm: arm)
        #expect(one.interval == four.interval)
        #expect(agree(four.pValue, 4 * one.pValue, 1e-12))
    }

    @Test func `zero is outside the interval exactly when p is at most the level`() throws {
        let test = SequentialTest(level: 0.05)
        var decided = 0
        for step in 0..<60 {
            let comparison = test.compare(
                control: sample(seed: 3), arm: sample(seed: 4, shift: 0.01 * Double(step)))
            let interval = try #require(comparison.interval)
            #expect(interval.contains(0) == (comparison.pValue > 0.05))
            #expect(decides(comparison) == (comparison.pValue <= 0.05))
            if decides(comparison) { decided += 1 }
        }
        #expect(decided > 0 && decided < 60)
    }

    @Test func `what was once found stays found`() {
        let test = SequentialTest(level: 0.05)
        let comparison = test.compare(control: sample(seed: 3), arm: sample(seed: 4), smallest: 0.01)
        #expect(comparison.pValue == 0.01)
        #expect(decides(comparison))
    }

    @Test func `nothing is decided on few values or without variance`() {
        let test = SequentialTest(level: 0.05)
        let few = RunningMoments((0..<99).map { Double($0 % 2) })
        let many = RunningMoments((0..<200).map { 1000 + Double($0 % 2) })
        let comparison = test.compare(control: few, arm: many)
        #expect(comparison.decision == .tooFewValues && comparison.interval == nil && comparison.pValue == 1)
        let (low, high) = (RunningMoments([Double](repeating: 3, count: 200)), many)
        #expect(test.compare(control: low, arm: low).decision == .noVariance)
        #expect(test.compare(control: low, arm: high).decision == .higher)
    }

    @Test func `a rate of none against a rate of all is decided, none against none is not`() {
        let test = SequentialTest(level: 0.05)
        let (none, all) = (RunningMoments([Double](repeating: 0, count: 150)), [Double](repeating: 1, count: 150))
        #expect(test.compare(control: none, arm: RunningMoments(all)).decision == .higher)
        #expect(test.compare(control: none, arm: none).decision == .undecided)
    }

    private func sample(seed: UInt64, shift: Double = 0) -> RunningMoments {
        var generator = SeededGenerator(seed: seed)
        return RunningMoments((0..<400).map { _ in generator.normal() + shift })
    }
}
