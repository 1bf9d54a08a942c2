internal import Dispatch
internal import Synchronization
internal import UmbelFormats
internal import UmbelRegistry
internal import UmbelStatistics

/// A value that a client reports for an arm: a click, a rating, seconds until the answer was used.
package struct Outcome: Hashable, Sendable {
    package enum Origin: Hashable, Sendable {
        /// The request that it came of, by its `X-Request-Id`.
        case request(String)
        case arm(String)
    }

    package let origin: Origin
    package let metric: String
    /// Finite.
    package let value: Double

    package init(origin: Origin, metric: String, value: Double) {
        self.origin = origin
        self.metric = metric
        self.value = value
    }
}

/// Counts outcomes durably. Those that are reported at the same time share a transaction, so that each waits for the disk
/// about once and not for everybody before it.
final class OutcomeLedger: Sendable {
    private let store: OutcomeStore
    private let journal: TrafficJournal
    private let queue = Mutex(Queue())

    private struct Queue {
        var waiting: [Batch] = []
        var isBusy = false
    }

    /// What one client reported, and what became of it; written by the one who leads, read after `done`.
    private final class Batch: Sendable {
        let outcomes: [Outcome]
        let live: LiveRoute
        /// Signalled when the batch is written, or is to write.
        let wake = DispatchSemaphore(value: 0)
        let leads = Atomic(false)
        let result = Mutex<Result<Int, EngineError>?>(nil)

        init(_ outcomes: [Outcome], _ live: LiveRoute) {
            self.outcomes = outcomes
            self.live = live
        }

        func end(_ value: Result<Int, EngineError>) {
            result.withLock { $0 = value }
            wake.signal()
        }
    }

    init(_ store: OutcomeStore, _ journal: TrafficJournal) {
        self.store = store
        self.journal = journal
    }

    /// Counts all of `outcomes`, or none. Returns when they are on the disk.
    ///
    /// - Returns: how many were counted; the others are for a request whose metric had been counted before.
    /// - Throws: for an arm or a request that the route does not have.
    func count(_ outcomes: [Outcome], on live: LiveRoute) throws(EngineError) -> Int {
        let batch = Batch(outcomes, live)
        let leads = queue.withLock { queue in
            queue.waiting.append(batch)
            if queue.isBusy { return false }
            queue.isBusy = true
            return true
        }
        if leads { lead() }
        batch.wake.wait()
        if !leads, batch.leads.load(ordering: .acquiring) {
            lead()
            batch.wake.wait()
        }
        guard let result = batch.result.withLock({ $0 }) else {
            throw .internalInconsistency("a batch of outcomes ended without a result")
        }
        return try result.get()
    }

    /// Writes what waits, and hands on to one of those who have come meanwhile: nobody writes for others without end.
    private func lead() {
        let batches = queue.withLock { queue in
            defer { queue.waiting = [] }
            return queue.waiting
        }
        write(batches)
        let next = queue.withLock { queue -> Batch? in
            queue.isBusy = !queue.waiting.isEmpty
            return queue.waiting.first
        }
        next?.leads.store(true, ordering: .releasing)
        next?.wake.signal()
    }

    private func write(_ batches: [Batch]) {
        do throws(RegistryError) {
            let (counts, totals) = try store.count { transaction in
                var page = Page(transaction, journal)
                let counts = try batches.map { batch -> Result<Int, EngineError> in
                    do {
                        return .success(try page.count(batch.outcomes, on: batch.live))
                    } catch let error as EngineError {
                        return .failure(error)  // one client's mistake; any other error ends the transaction
                    }
                }
                try page.save()
                return (counts, page.totals)
            }
            // Only what is on the disk is shown.
            for (key, entry) in totals { entry.experiment.set(entry.total, arm: key.arm, metric: key.metric) }
            for (batch, count) in zip(batches, counts) { batch.end(count) }
        } catch {
            for batch in batches { batch.end(.failure(.registry(error))) }
        }
    }
}

/// The totals that a transaction changes.
private struct Page {
    struct Key: Hashable {
        let experiment: ObjectIdentifier
        let arm: String
        let metric: String
    }

    private(set) var totals: [Key: (experiment: Experiment, total: RunningMoments)] = [:]
    private let transaction: OutcomeStore.Transaction
    private let journal: TrafficJournal

    init(_ transaction: OutcomeStore.Transaction, _ journal: TrafficJournal) {
        self.transaction = transaction
        self.journal = journal
    }

    /// All of a client's outcomes, or none.
    ///
    /// - Throws: `EngineError` for an outcome that the route has no place for, before any is counted; the database's errors.
    mutating func count(_ outcomes: [Outcome], on live: LiveRoute) throws -> Int {
        // Checked before any is counted, because others share the transaction.
        let arms = try outcomes.map { try arm(of: $0, on: live) }
        try checkMetrics(outcomes, arms, live)
        var counted = 0
        for (outcome, arm) in zip(outcomes, arms) {
            if case .request(let id) = outcome.origin,
                try !transaction.claim(
                    request: id, metric: outcome.metric, route: live.name, experiment: live.experiment.number)
            {
                continue
            }
            let key = Key(experiment: ObjectIdentifier(live.experiment), arm: arm, metric: outcome.metric)
            var total = totals[key]?.total ?? live.experiment.total(arm: arm, metric: outcome.metric)
            total.add(outcome.value)
            totals[key] = (live.experiment, total)
            counted += 1
        }
        return counted
    }

    private func arm(of outcome: Outcome, on live: LiveRoute) throws -> String {
        switch outcome.origin {
        case .arm(let arm):
            guard live.armNames.contains(arm) else {
                throw EngineError.traffic(.unknownArm(route: live.name, arm: arm))
            }
            return arm
        case .request(let id):
            let request = try journal.pending(id, of: live.name) ?? transaction.request(id, of: live.name)
            guard let request, request.experiment == live.experiment.number, live.armNames.contains(request.arm) else {
                throw EngineError.traffic(.unknownRequest(route: live.name, request: id))
            }
            return request.arm
        }
    }

    private func checkMetrics(_ outcomes: [Outcome], _ arms: [String], _ live: LiveRoute) throws {
        for (arm, outcomes) in Dictionary(grouping: zip(arms, outcomes), by: \.0) {
            let metrics = Set(live.experiment.metrics(of: arm)).union(outcomes.map(\.1.metric))
            guard metrics.count <= Experiment.metricLimit else {
                throw EngineError.traffic(.tooManyMetrics(limit: Experiment.metricLimit))
            }
        }
    }

    func save() throws {
        for (key, entry) in totals {
            try transaction.save(
                total: entry.total.json.text, route: entry.experiment.route, experiment: entry.experiment.number,
                arm: key.arm, metric: key.metric)
        }
    }
}
