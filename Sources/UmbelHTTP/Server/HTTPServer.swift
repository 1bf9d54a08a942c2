internal import Dispatch
internal import Synchronization
package import UmbelPOSIX

/// An HTTP/1.1 server on plain sockets: readiness on a few Dispatch queues, handlers on threads of its own.
///
/// A connection costs a thread only from the last byte of a request's head to the last byte of the response; clients
/// that idle or dribble headers cost a descriptor and a deadline. Nothing here uses Swift's cooperative pool.
package final class HTTPServer: Sendable {
    package typealias BodyFailureCallback = @Sendable (Request, any Error) -> Void

    /// What the server has done and is doing.
    package struct Counters: Equatable, Sendable {
        package var activeConnections = 0
        package var activeRequests = 0
        package var acceptedConnections = 0
        package var requests = 0
        /// Requests and connections that were answered without the handler.
        package var refusals = 0
    }

    private struct State {
        var listeners: [Listener] = []
        var connections: [ObjectIdentifier: Connection] = [:]
        var refusedConnections = 0
        var nextReactor = 0
        var counters = Counters()
    }

    /// Connections beyond the limit that are still being told so; more are closed without a word.
    private static let refusedLimit = 64

    let limits: HTTPLimits
    let handler: Handler
    let onBodyFailure: BodyFailureCallback
    private let onRefusal: @Sendable (Refusal) -> Response
    private let pool: WorkerPool
    private let reactors: [Reactor]
    private let state = Mutex(State())
    private let stopping = Atomic(false)
    private let open = DispatchGroup()

    /// - Parameters:
    ///   - onRefusal: the response to what never reaches the handler; its body must be in memory and short.
    ///   - onBodyFailure: told when a response's body could not be produced. The client has been cut off.
    package init(
        limits: HTTPLimits = HTTPLimits(),
        onRefusal: @escaping @Sendable (Refusal) -> Response = { Response(refusing: $0) },
        onBodyFailure: @escaping BodyFailureCallback = { _, _ in },
        handler: @escaping Handler
    ) {
        self.limits = limits
        self.handler = handler
        self.onRefusal = onRefusal
        self.onBodyFailure = onBodyFailure
        pool = WorkerPool(threads: limits.workers, waiting: limits.waitingRequests)
        reactors = (0..<2).map { Reactor(label: "umbel.http.reactor.\($0)", limits: limits) }
    }

    /// Listens on one more address.
    ///
    /// - Returns: the bound port, which the system chose if `port` is 0.
    @discardableResult
    package func listen(host: String, port: Int) throws(SystemError) -> Int {
        ignoreBrokenPipes()  // for sendfile
        let listener = try Listener(host: host, port: port) { self.accept($0) }
        let isStopping = state.withLock { state in
            if !self.isStopping { state.listeners.append(listener) }
            return self.isStopping
        }
        if isStopping { listener.cancel() }
        return listener.port
    }

    /// Stops: no new connections, idle ones closed, requests under way finished with `Connection: close`.
    ///
    /// After the grace period what is left is disconnected, so that reads and writes fail; a handler that computes is
    /// waited for a little longer and then left behind. Blocks; not for the cooperative pool.
    ///
    /// - Returns: whether everything had ended.
    @discardableResult
    package func shutdown(graceSeconds: Double) -> Bool {
        stopping.store(true, ordering: .sequentiallyConsistent)
        let listeners = state.withLock { state in
            // Taken out, because a listener that somebody keeps goes on filling its backlog.
            defer { state.listeners = [] }
            return state.listeners
        }
        for listener in listeners { listener.cancel() }
        forEachConnection { connection in connection.onReactor { $0.stopIfIdle() } }
        defer { pool.stop() }
        if open.wait(timeout: .now() + graceSeconds) == .success { return true }
        forEachConnection { $0.disconnect() }
        return open.wait(timeout: .now() + 5) == .success
    }

    package var counters: Counters {
        state.withLock { state in
            var counters = state.counters
            counters.activeConnections = state.connections.count - state.refusedConnections
            return counters
        }
    }

    /// Connections that are open, idle ones included.
    package var activeConnections: Int { counters.activeConnections }
    /// Requests that are being handled or answered.
    package var activeRequests: Int { counters.activeRequests }

    // MARK: For connections

    var isStopping: Bool { stopping.load(ordering: .sequentiallyConsistent) }

    func refuse(_ refusal: Refusal) -> Response {
        state.withLock { $0.counters.refusals += 1 }
        return onRefusal(refusal)
    }

    func submit(_ job: @escaping @Sendable () -> Void) -> Bool { pool.submit(job) }

    func counting<Result>(_ exchange: () -> Result) -> Result {
        state.withLock { state in
            state.counters.activeRequests += 1
            state.counters.requests += 1
        }
        defer { state.withLock { $0.counters.activeRequests -= 1 } }
        return exchange()
    }

    func closed(_ connection: Connection) {
        let wasOpen = state.withLock { state in
            guard state.connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return false }
            if connection.isRefused { state.refusedConnections -= 1 }
            return true
        }
        if wasOpen { open.leave() }
    }

    /// Keeps no connection beyond the call: a socket closes when the last reference goes.
    private func forEachConnection(_ body: (Connection) -> Void) {
        for connection in state.withLock({ Array($0.connections.values) }) { body(connection) }
    }

    private func accept(_ accepted: Socket.Accepted) {
        let connection = state.withLock { state -> Connection? in
            // A socket that nobody keeps is closed.
            if isStopping { return nil }
            let isRefused = state.connections.count - state.refusedConnections >= limits.connections
            if isRefused && state.refusedConnections >= Self.refusedLimit { return nil }
            state.counters.acceptedConnections += 1
            state.nextReactor = (state.nextReactor + 1) % reactors.count
            let connection = Connection(
                accepted, server: self, reactor: reactors[state.nextReactor], isRefused: isRefused)
            state.connections[ObjectIdentifier(connection)] = connection
            if isRefused { state.refusedConnections += 1 }
            open.enter()
            return connection
        }
        connection?.onReactor { $0.start() }
    }
}
