internal import Synchronization
internal import UmbelFormats
package import UmbelPOSIX
package import UmbelRegistry
internal import UmbelStatistics

/// The routes in force. Looking one up takes a lock for a moment and never waits for the disk.
package final class TrafficTable: Sendable {
    private let adapters: AdapterStore
    private let store: RouteStore
    private let counted: OutcomeStore
    private let journal: TrafficJournal
    private let ledger: OutcomeLedger
    private let routes: Mutex<[String: LiveRoute]>
    /// Held while a change is checked, written and put in force, so that each sees the one before it.
    private let changes = Mutex(())
    /// Stored routes that could not be read.
    package let unreadable: [String]

    /// Takes up the routes of a data folder, with what was counted.
    ///
    /// - Parameter adapters: keeps the contents that routes need.
    package init(_ adapters: AdapterStore) throws(RegistryError) {
        self.adapters = adapters
        store = RouteStore(adapters.database)
        counted = OutcomeStore(adapters.database)
        journal = TrafficJournal(counted)
        ledger = OutcomeLedger(counted, journal)
        var found: [String: LiveRoute] = [:]
        var unreadable: [String] = []
        // Of a damaged database what can be read counts; the registry has told of it.
        for record in adapters.database.fault == nil ? try store.current() : (try? store.current()) ?? [] {
            guard let route = TrafficRoute(stored: record.specification) else {
                unreadable.append(record.name)
                continue
            }
            let experiment = try Self.experiment(of: record, in: counted)
            found[record.name] = LiveRoute(
                name: record.name, generation: record.generation, created: record.created, route: route,
                experiment: experiment, contents: record.contents)
        }
        routes = Mutex(found)
        self.unreadable = unreadable
    }

    private static func experiment(
        of record: RouteRecord, in store: OutcomeStore
    ) throws(RegistryError) -> Experiment {
        var counts = Experiment.Counts()
        for (arm, text) in try store.figures(route: record.name, experiment: record.experiment) {
            counts.arms[arm] = ArmFigures(stored: text)
        }
        for (arm, totals) in try store.totals(route: record.name, experiment: record.experiment) {
            counts.totals[arm] = totals.compactMapValues(RunningMoments.init(stored:))
        }
        let assignments = try store.assignments(route: record.name, experiment: record.experiment)
        for row in assignments { counts.assignments[row.generation, default: [:]][row.arm] = row }
        let keys = try store.keys(route: record.name, experiment: record.experiment)
        return Experiment(route: record.name, number: record.experiment, counts: counts, keys: keys)
    }

    package func route(_ name: String) -> LiveRoute? { routes.withLock { $0[name] } }

    /// All routes, by name.
    package func all() -> [LiveRoute] { routes.withLock { $0.values.sorted { $0.name < $1.name } } }

    // MARK: Changes

    /// Puts a route in force, once it is on the disk.
    ///
    /// - Parameters:
    ///   - route: with every adapter pinned to a digest.
    ///   - variants: of arms and shadows by name.
    ///   - contents: all that it needs of adapters.
    ///   - check: asked with the route of that name that is in force; throws to refuse.
    /// - Returns: the route in force, and whether the name is new. The same route again changes nothing.
    package func put(
        _ name: String, _ route: TrafficRoute, variants: [String: Variant], contents: [HeldContent],
        check: (LiveRoute?) throws(EngineError) -> Void
    ) throws(EngineError) -> (live: LiveRoute, isNew: Bool) {
        try changes.withLock { _ throws(EngineError) in
            let old = self.route(name)
            try check(old)
            if let old, old.route == route { return (old, false) }
            let last = try numbers(of: name)
            let experiment = experiment(after: old, for: route, name: name, last: last.experiment)
            let live = LiveRoute(
                name: name, generation: last.generation + 1, created: Date.now.seconds, route: route,
                experiment: experiment, contents: contents, variants: variants)
            let record = RouteRecord(
                name: name, generation: live.generation, experiment: experiment.number,
                specification: route.json.text, contents: contents, created: live.created)
            do throws(RegistryError) {
                try write(record)
            } catch {
                throw .registry(error)
            }
            routes.withLock { $0[name] = live }
            return (live, old == nil)
        }
    }

    private func write(_ record: RouteRecord) throws(RegistryError) {
        try adapters.hold(record.contents, for: record.holder)
        do throws(RegistryError) {
            try store.add(record)
        } catch {
            // A hold too many lasts until the next start; the first error is the one to tell.
            try? adapters.release([record.holder])
            throw error
        }
        let forgotten = record.generation - RouteStore.generationsKept
        try? adapters.release([ContentHolder(route: record.name, generation: forgotten)])
    }

    private func experiment(
        after old: LiveRoute?, for route: TrafficRoute, name: String, last: Int
    ) -> Experiment {
        if let old, route.continues(old.route) { return old.experiment }
        return Experiment(route: name, number: last + 1)
    }

    /// The last that the name was given, also by a route that is gone.
    private func numbers(of name: String) throws(EngineError) -> (generation: Int, experiment: Int) {
        do throws(RegistryError) {
            return try store.numbers(of: name)
        } catch {
            throw .registry(error)
        }
    }

    /// Forgets a route. Requests under way finish on what they started with.
    package func remove(
        _ name: String, check: (LiveRoute) throws(EngineError) -> Void
    ) throws(EngineError) {
        try changes.withLock { _ throws(EngineError) in
            guard let live = route(name) else { throw .traffic(.unknownRoute(name)) }
            try check(live)
            do throws(RegistryError) {
                let holders = try store.history(of: name).map(\.holder)
                try store.remove(name)
                // The route is gone; what it held goes now, or at the next start.
                try? adapters.release(holders)
            } catch {
                throw .registry(error)
            }
            routes.withLock { $0[name] = nil }
            journal.forget(name)
        }
    }

    /// The generations of a route that are kept, the newest first.
    package func history(
        of name: String
    ) throws(EngineError) -> [(record: RouteRecord, route: TrafficRoute)] {
        guard route(name) != nil else { throw .traffic(.unknownRoute(name)) }
        do throws(RegistryError) {
            return try store.history(of: name).compactMap { record in
                TrafficRoute(stored: record.specification).map { (record, $0) }
            }
        } catch {
            throw .registry(error)
        }
    }

    // MARK: Counting

    /// Begins to write what is counted, on a thread of its own.
    package func start(onFault: @escaping @Sendable (RegistryError) -> Void) throws(SystemError) {
        try journal.start({ [self] in all().map(\.experiment) }, onFault: onFault)
    }

    /// Writes what was counted last.
    package func stop() { journal.stop() }

    /// Remembers which arm answered a request, for outcomes that name the request.
    package func note(request id: String, answeredBy arm: String, of live: LiveRoute) {
        journal.note(
            RoutedRequest(
                id: id, route: live.name, experiment: live.experiment.number, arm: arm, at: Date.now.seconds))
    }

    /// Counts outcomes durably: all, or none.
    ///
    /// - Returns: how many were new.
    package func count(_ outcomes: [Outcome], on live: LiveRoute) throws(EngineError) -> Int {
        try ledger.count(outcomes, on: live)
    }
}
