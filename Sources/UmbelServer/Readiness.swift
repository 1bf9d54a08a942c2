internal import Synchronization

/// Whether the service may be given traffic.
final class Readiness: Sendable {
    enum State: String, Sendable {
        case starting, ready, draining
    }

    private let current = Mutex(State.starting)

    var state: State { current.withLock { $0 } }

    func set(_ state: State) { current.withLock { $0 = state } }
}
