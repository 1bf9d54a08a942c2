internal import Dispatch
internal import UmbelPOSIX

/// A client's connection: waits on its reactor for a whole head, is served by a worker, and waits again.
///
///     waiting ──head──▶ serving ──keep-alive──▶ waiting
///        │                 └──close──▶ lingering ──▶ closed
///        └──refused──▶ lingering
final class Connection: @unchecked Sendable {
    // Sendable: its state belongs to the reactor's queue, and while it is serving to the one worker. The worker gets it
    // through the pool and gives it back through the queue, and both synchronise.
    private enum State { case waiting, serving, lingering, closed }

    let isRefused: Bool
    private(set) var deadline = ContinuousClock.now
    private let server: HTTPServer
    private let reactor: Reactor
    private let wire: Wire
    private let remoteAddress: String
    private var parser: RequestParser
    private var state = State.serving
    private var source: (any DispatchSourceRead)?

    /// - Parameter isRefused: there are too many connections; this one is told so and closed.
    init(_ accepted: Socket.Accepted, server: HTTPServer, reactor: Reactor, isRefused: Bool) {
        self.server = server
        self.reactor = reactor
        self.isRefused = isRefused
        wire = Wire(accepted.socket)
        remoteAddress = accepted.remoteAddress
        parser = RequestParser(limits: server.limits)
    }

    /// Ends both directions, from any thread; whoever uses the connection finds out.
    func disconnect() { wire.socket.disconnect() }

    /// Goes over to the queue that owns the connection while it waits.
    func onReactor(_ body: @escaping @Sendable (Connection) -> Void) { reactor.queue.async { body(self) } }

    // MARK: On the reactor's queue

    func start() {
        let source = DispatchSource.makeReadSource(fileDescriptor: wire.socket.number, queue: reactor.queue)
        source.setEventHandler { self.readable() }
        // The descriptor must stay open until the source has let go of it.
        source.setCancelHandler { [socket = wire.socket] in withExtendedLifetime(socket) {} }
        self.source = source
        if isRefused {
            refuse(.tooManyConnections(limit: server.limits.connections))
        } else {
            wait(seconds: server.limits.headTimeout)
            // The stop may have looked at this connection before it was here.
            if server.isStopping { stopIfIdle() }
        }
    }

    /// Takes the connection back from its worker.
    func settle(_ ending: Exchange.Ending) {
        switch ending {
        case .keepAlive:
            wait(seconds: parser.isIdle ? server.limits.idleTimeout : server.limits.headTimeout)
            if server.isStopping { stopIfIdle() }
        case .linger: linger()
        case .abort: abort()
        }
    }

    /// The server stops: nothing will come on a connection that has sent nothing, but look once more.
    func stopIfIdle() {
        guard state == .waiting else { return }
        readable()
        if state == .waiting && parser.isIdle { close() }
    }

    /// The deadline has passed.
    func expire() {
        switch state {
        case .waiting:
            // What came may have been waiting for its turn all the time: a machine that was held up finds the deadline
            // before the bytes.
            readable()
            guard state == .waiting, deadline <= .now else { return }
            if parser.isIdle { close() } else { refuse(.headTimeout) }
        case .lingering: close()
        case .serving, .closed: break
        }
    }

    func refuse(_ refusal: Refusal) {
        let response = server.refuse(refusal)
        let head = ResponseHead(response, for: nil, keepsAlive: false)
        var bytes = head.bytes
        if case .bytes(let body) = response.body { bytes += body }
        // One attempt without blocking: it is less than any socket's buffer, unless the client takes nothing.
        let sent = try? bytes.withUnsafeBytes { try wire.socket.send($0) }
        if sent == bytes.count { linger() } else { abort() }
    }

    private func wait(seconds: Double) {
        deadline = ContinuousClock.now + .seconds(seconds)
        if state == .serving { resume() }
        state = .waiting
    }

    private func linger() {
        wire.socket.finishSending()
        deadline = ContinuousClock.now + .seconds(server.limits.lingerTimeout)
        if state == .serving { resume() }
        state = .lingering
    }

    private func resume() {
        reactor.watch(self)
        source?.resume()
    }

    /// Receives until there is nothing more: when both sides have finished, Dispatch reports that once and then no
    /// further readiness, however much is unread. A client that sends without end takes turns with the others.
    private func readable() {
        for _ in 0..<16 where state == .waiting || state == .lingering {
            guard receivePiece() else { return }
        }
        if state == .waiting || state == .lingering { onReactor { $0.readable() } }
    }

    /// - Returns: whether there was something.
    private func receivePiece() -> Bool {
        reactor.withScratch { scratch in
            // A failed receive is a connection that is gone, like an end.
            switch (try? wire.socket.receive(into: scratch)) ?? .end {
            case .nothing: return false
            case .end:
                close()
                return false
            case .bytes(let count):
                if state == .waiting { received(UnsafeRawBufferPointer(rebasing: scratch[..<count])) }
                return true
            }
        }
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        let wasIdle = parser.isIdle
        let (consumed, outcome) = parser.consume(bytes)
        switch outcome {
        case .needsMore:
            if wasIdle { deadline = ContinuousClock.now + .seconds(server.limits.headTimeout) }
        case .refused(let refusal): refuse(refusal)
        case .head(let head):
            wire.keep(bytes[consumed...])
            source?.suspend()
            reactor.forget(self)
            state = .serving
            let arrival = ContinuousClock.now
            if !server.submit({ self.serve(head, arrival: arrival) }) { refuse(.overloaded) }
        }
    }

    /// Closes with a reset, as soon as nobody uses the socket any more.
    private func abort() {
        wire.socket.resetOnClose()
        release()
    }

    private func close() {
        wire.socket.disconnect()
        release()
    }

    private func release() {
        // A suspended source must not be let go.
        if state == .serving { source?.resume() }
        state = .closed
        source?.cancel()
        source = nil
        reactor.forget(self)
        server.closed(self)
    }

    // MARK: On a worker

    private func serve(_ first: RequestHead, arrival firstArrival: ContinuousClock.Instant) {
        var head = first
        var arrival = firstArrival
        while true {
            let ending = server.counting {
                Exchange(server: server, wire: wire, remoteAddress: remoteAddress).run(head, arrival: arrival)
            }
            guard ending == .keepAlive else {
                onReactor { $0.settle(ending) }
                return
            }
            switch nextHead() {
            case .head(let next):
                head = next
                arrival = .now
            case .needsMore:
                onReactor { $0.settle(.keepAlive) }
                return
            case .refused(let refusal):
                onReactor { $0.refuse(refusal) }
                return
            }
        }
    }

    /// The next request, if it has arrived already: behind the last one, or in the meantime.
    private func nextHead() -> RequestParser.Outcome {
        while true {
            let (consumed, outcome) = wire.input.withUnsafeBytes { parser.consume($0) }
            wire.use(consumed)
            guard outcome == .needsMore else { return outcome }
            // A connection that has ended or failed is found so by the reactor.
            guard case .bytes? = try? wire.receiveAvailable() else { return .needsMore }
        }
    }
}
