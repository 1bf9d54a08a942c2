internal import UmbelRegistry
package import UmbelStatistics

/// How the arms of a route compare, from what was counted in its present experiment.
package struct RouteReport: Sendable {
    package struct Arm: Sendable {
        package let name: String
        package let figures: ArmFigures
        /// Wilson's interval of errors in requests; nil without requests.
        package let errorRate: WilsonInterval?
    }

    /// One metric on one arm.
    package struct Value: Sendable {
        package let arm: String
        package let moments: RunningMoments
        /// Of the mean, by Student's t, for one look; nil with fewer than two values.
        package let interval: MeanInterval?
        /// That the arm's mean is the best of all; nil where there is nothing to compare.
        package let probabilityBest: Double?
    }

    /// An arm against the control.
    package struct Comparison: Sendable {
        package let arm: String
        package let result: SequentialComparison
    }

    package struct Metric: Sendable {
        package let name: String
        package let goal: TrafficRoute.Goal
        package let values: [Value]
        package let comparisons: [Comparison]
        /// The arm that is better than the control beyond doubt, or the control if every other arm is worse; nil as long as
        /// that is open.
        package let winner: String?
    }

    package let control: String
    /// Confidence of every interval, and 1 − the level of every test.
    package let level: Double
    package let arms: [Arm]
    package let shadows: [Arm]
    package let metrics: [Metric]
    /// Do the arms get the parts of the traffic that their weights say? nil with nothing to judge.
    package let sampleRatio: SampleRatioMismatch?

    /// - Parameter control: the arm that the others are compared with; nil for the first.
    /// - Throws: `unknownArm` for a control that the route does not have.
    package init(_ live: LiveRoute, control: String? = nil, level: Double = 0.95) throws(EngineError) {
        let names = live.route.arms.map(\.name)
        let control = control ?? names[0]
        guard names.contains(control) else { throw .traffic(.unknownArm(route: live.name, arm: control)) }
        let counts = live.experiment.counts
        self.control = control
        self.level = level
        arms = names.map { Self.arm($0, counts, level) }
        shadows = live.route.shadows.map { Self.arm($0.name, counts, level) }
        let metricNames = Set(names.flatMap { counts.totals[$0].map { Array($0.keys) } ?? [] }).sorted()
        metrics = metricNames.map { metric in
            Self.metric(
                metric, live.route.goals[metric] ?? .higher, names.map { counts.totals[$0]?[metric] ?? .init() }, names,
                control: control, level)
        }
        sampleRatio = Self.sampleRatio(counts, names)
    }

    private static func arm(_ name: String, _ counts: Experiment.Counts, _ level: Double) -> Arm {
        let figures = counts.arms[name] ?? ArmFigures()
        return Arm(
            name: name, figures: figures,
            errorRate: WilsonInterval(successes: figures.errors, trials: figures.requests, level: level))
    }

    private static func metric(
        _ name: String, _ goal: TrafficRoute.Goal, _ moments: [RunningMoments], _ arms: [String], control: String,
        _ level: Double
    ) -> Metric {
        let probabilities = ProbabilityBest.of(moments, better: goal == .higher ? .higher : .lower)
        let values = arms.indices.map { index in
            Value(
                arm: arms[index], moments: moments[index], interval: MeanInterval(moments[index], level: level),
                probabilityBest: probabilities[index])
        }
        let others = arms.indices.filter { arms[$0] != control }
        guard let controlIndex = arms.firstIndex(of: control), !others.isEmpty else {
            return Metric(name: name, goal: goal, values: values, comparisons: [], winner: nil)
        }
        let test = SequentialTest(level: 1 - level, comparisons: others.count)
        let comparisons = others.map { index in
            Comparison(arm: arms[index], result: test.compare(control: moments[controlIndex], arm: moments[index]))
        }
        return Metric(
            name: name, goal: goal, values: values, comparisons: comparisons,
            winner: winner(comparisons, values, goal, control: control))
    }

    private static func winner(
        _ comparisons: [Comparison], _ values: [Value], _ goal: TrafficRoute.Goal, control: String
    ) -> String? {
        let (better, worse): (SequentialComparison.Decision, SequentialComparison.Decision) =
            goal == .higher ? (.higher, .lower) : (.lower, .higher)
        let winners = Set(comparisons.filter { $0.result.decision == better }.map(\.arm))
        if winners.isEmpty { return comparisons.allSatisfy { $0.result.decision == worse } ? control : nil }
        return values.filter { winners.contains($0.arm) }
            .max { ($0.probabilityBest ?? 0) < ($1.probabilityBest ?? 0) }?.arm
    }

    private static func sampleRatio(_ counts: Experiment.Counts, _ arms: [String]) -> SampleRatioMismatch? {
        SampleRatioMismatch(
            counts.assignments.sorted { $0.key < $1.key }.map { _, rows in
                SampleRatioMismatch.Period(
                    observed: arms.map { rows[$0]?.count ?? 0 }, weights: arms.map { rows[$0]?.weight ?? 0 })
            })
    }
}
