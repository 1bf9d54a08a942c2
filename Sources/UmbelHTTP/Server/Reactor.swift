internal import Dispatch

/// One serial queue on which connections wait for readiness and for their deadlines, without a thread each.
final class Reactor: @unchecked Sendable {
    // Sendable: everything but `queue` is touched on `queue` only.
    let queue: DispatchQueue
    private var waiting: [ObjectIdentifier: Connection] = [:]
    private var isSweeping = false
    private let sweepSeconds: Double
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: Wire.pieceBytes, alignment: 16)

    init(label: String, limits: HTTPLimits) {
        queue = DispatchQueue(label: label)
        let shortest = min(limits.headTimeout, limits.idleTimeout, limits.lingerTimeout)
        // Deadlines may be late by this much: a quarter of the shortest, and never so short that idling costs.
        sweepSeconds = min(max(shortest / 4, 0.01), 1)
    }

    deinit { scratch.deallocate() }

    func watch(_ connection: Connection) {
        waiting[ObjectIdentifier(connection)] = connection
        if !isSweeping {
            isSweeping = true
            scheduleSweep()
        }
    }

    func forget(_ connection: Connection) { waiting[ObjectIdentifier(connection)] = nil }

    /// Receives into the buffer that all connections of this reactor share.
    func withScratch<Result>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result { body(scratch) }

    private func scheduleSweep() {
        queue.asyncAfter(deadline: .now() + sweepSeconds) { self.sweep() }
    }

    private func sweep() {
        let now = ContinuousClock.now
        for connection in waiting.values where connection.deadline <= now { connection.expire() }
        isSweeping = !waiting.isEmpty
        if isSweeping { scheduleSweep() }
    }
}
