internal import Synchronization
internal import UmbelEngine

/// The shadow that a copy of a request is for, of the route as it was when the client was answered.
struct ShadowPick: Sendable {
    let live: LiveRoute
    let name: String
}

/// What one request turned out to be on its way through its route: which arm answered it. Belongs to that request alone.
final class RequestTrace: Sendable {
    /// What `X-Request-Id` says.
    let id: String
    private let picked = Mutex<[Pick]>([])

    init(id: String) {
        self.id = id
    }

    func add(_ pick: Pick) { picked.withLock { $0.append(pick) } }

    /// In the order in which the request's models were resolved.
    var picks: [Pick] { picked.withLock { $0 } }
}
