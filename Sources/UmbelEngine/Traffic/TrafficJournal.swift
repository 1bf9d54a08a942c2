internal import Dispatch
internal import Synchronization
internal import UmbelPOSIX
internal import UmbelRegistry

/// Writes what routes count to the disk, a second's worth at a time: a crash loses that second of counts and no outcome,
/// which is written before it is acknowledged.
final class TrafficJournal: Sendable {
    /// Requests that wait to be written at most; more are not remembered, so that a disk that is full costs no memory.
    private static let requestLimit = 100_000

    /// An id is the client's: two routes may see the same.
    private struct Key: Hashable {
        let route: String
        let id: String
    }

    private let store: OutcomeStore
    private let requests = Mutex<[Key: RoutedRequest]>([:])
    private let stopped = Atomic(false)
    private let wake = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    init(_ store: OutcomeStore) {
        self.store = store
    }

    /// Remembers which arm answered a request.
    func note(_ request: RoutedRequest) {
        requests.withLock { requests in
            if requests.count < Self.requestLimit { requests[Key(route: request.route, id: request.id)] = request }
        }
    }

    /// The request, if it has not been written yet.
    func pending(_ id: String, of route: String) -> RoutedRequest? {
        requests.withLock { $0[Key(route: route, id: id)] }
    }

    /// Forgets what was noted of a route that is gone.
    func forget(_ route: String) {
        requests.withLock { requests in requests = requests.filter { $0.key.route != route } }
    }

    /// Writes once a second until `stop`, on a thread of its own.
    ///
    /// - Parameters:
    ///   - experiments: those that are counting.
    ///   - onFault: told when something could not be written; it is tried again.
    func start(
        _ experiments: @escaping @Sendable () -> [Experiment],
        onFault: @escaping @Sendable (RegistryError) -> Void
    ) throws(SystemError) {
        try Thread.start { [self] in
            while !stopped.load(ordering: .acquiring) {
                _ = wake.wait(timeout: .now() + 1)
                write(experiments(), onFault)
            }
            // What came between the last time and the stop.
            write(experiments(), onFault)
            ended.signal()
        }
    }

    /// Writes what is left and ends the thread.
    func stop() {
        guard !stopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
        wake.signal()
        ended.wait()
    }

    private func write(_ experiments: [Experiment], _ onFault: (RegistryError) -> Void) {
        let progress = experiments.compactMap { experiment in experiment.takeProgress().map { (experiment, $0) } }
        let taken = requests.withLock { $0 }
        guard !progress.isEmpty || !taken.isEmpty else { return }
        do throws(RegistryError) {
            try store.save(progress.map(\.1), Array(taken.values))
            requests.withLock { requests in
                for (key, request) in taken where requests[key] == request { requests[key] = nil }
            }
        } catch {
            for (experiment, item) in progress { experiment.putBack(item) }
            onFault(error)
        }
    }
}
