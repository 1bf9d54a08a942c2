internal import Synchronization
internal import UmbelFormats
package import UmbelRegistry
package import UmbelStatistics

/// What is counted while a route keeps the same arms. Changes of weights go on counting; other arms begin a new one.
package final class Experiment: Sendable {
    /// Keys that are told apart; later ones are assigned like all others and count no more. Assignments are independent, so
    /// the first keys are as good a sample as any.
    package static let keyLimit = 100_000
    /// Metrics that an arm may have.
    package static let metricLimit = 100

    package let route: String
    package let number: Int
    private let state: Mutex<State>

    /// Everything that was counted, as a value.
    package struct Counts: Sendable {
        package var arms: [String: ArmFigures] = [:]
        /// By generation and arm: weights change, and each generation is judged by its own.
        package var assignments: [Int: [String: ArmAssignment]] = [:]
        /// Values that clients reported, by arm and metric.
        package var totals: [String: [String: RunningMoments]] = [:]

        package init() {}
    }

    private struct State {
        var counts: Counts
        var keys: Set<UInt64>
        /// Since the last `takeProgress`.
        var newKeys: [UInt64] = []
        var changedArms: Set<String> = []
        var changedGenerations: Set<Int> = []
    }

    package init(route: String, number: Int, counts: Counts = Counts(), keys: Set<UInt64> = []) {
        self.route = route
        self.number = number
        state = Mutex(State(counts: counts, keys: keys))
    }

    package var counts: Counts { state.withLock { $0.counts } }

    /// Counts an assignment by weight.
    ///
    /// - Parameters:
    ///   - arm: index in `arms`.
    ///   - key: what was hashed for it; nil for an assignment by chance, of which each counts.
    package func assigned(_ arm: Int, key: UInt64?, generation: Int, arms: [TrafficRoute.Arm]) {
        state.withLock { state in
            if let key {
                guard state.keys.count < Self.keyLimit, state.keys.insert(key).inserted else { return }
                state.newKeys.append(key)
            }
            if state.counts.assignments[generation] == nil {
                let rows = arms.map { ArmAssignment(generation: generation, arm: $0.name, weight: $0.weight) }
                state.counts.assignments[generation] = Dictionary(
                    rows.map { ($0.arm, $0) }, uniquingKeysWith: { first, _ in first })
            }
            state.counts.assignments[generation]?[arms[arm].name]?.count += 1
            state.changedGenerations.insert(generation)
        }
    }

    /// Counts a request that an arm answered.
    ///
    /// - Parameter microseconds: how long it took; nil if it failed.
    package func answered(by arm: String, microseconds: Int?) {
        change(arm) { figures in
            figures.requests += 1
            if let microseconds {
                figures.latency.record(microseconds: microseconds)
            } else {
                figures.errors += 1
            }
        }
    }

    /// Counts a shadow request that was left out.
    package func dropped(by shadow: String) { change(shadow) { $0.dropped += 1 } }

    private func change(_ arm: String, _ body: (inout ArmFigures) -> Void) {
        state.withLock { state in
            body(&state.counts.arms[arm, default: .init()])
            state.changedArms.insert(arm)
        }
    }

    package func total(arm: String, metric: String) -> RunningMoments {
        state.withLock { $0.counts.totals[arm]?[metric] ?? RunningMoments() }
    }

    package func metrics(of arm: String) -> [String] {
        state.withLock { $0.counts.totals[arm].map { Array($0.keys) } ?? [] }
    }

    /// Puts totals in place that are on the disk.
    package func set(_ total: RunningMoments, arm: String, metric: String) {
        state.withLock { $0.counts.totals[arm, default: [:]][metric] = total }
    }

    /// What is to be written since the last time; nil if nothing happened.
    func takeProgress() -> OutcomeStore.Progress? {
        state.withLock { state in
            guard !state.changedArms.isEmpty || !state.changedGenerations.isEmpty else { return nil }
            let figures = state.changedArms.map { ($0, (state.counts.arms[$0] ?? .init()).json.text) }
            let progress = OutcomeStore.Progress(
                route: route, experiment: number,
                figures: Dictionary(figures, uniquingKeysWith: { first, _ in first }),
                assignments: state.changedGenerations.flatMap { state.counts.assignments[$0]?.values.map { $0 } ?? [] },
                newKeys: state.newKeys)
            state.changedArms = []
            state.changedGenerations = []
            state.newKeys = []
            return progress
        }
    }

    /// Gives back what could not be written.
    func putBack(_ progress: OutcomeStore.Progress) {
        state.withLock { state in
            state.changedArms.formUnion(progress.figures.keys)
            state.changedGenerations.formUnion(progress.assignments.map(\.generation))
            state.newKeys = progress.newKeys + state.newKeys
        }
    }
}
