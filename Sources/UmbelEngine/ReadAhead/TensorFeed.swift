internal import Dispatch
internal import Synchronization
internal import UmbelAdapters
internal import UmbelPOSIX
internal import UmbelTensor

/// The merged tensors of one response, in the order in which they are due. As soon as one of them has to be merged, a thread
/// of the feed's own goes through all that follow, some ahead of the response.
///
/// How far ahead is bounded by `ReadAhead` and by `Self.tensorLimit`; the tensor that the response waits for is merged whatever
/// the bounds. An error waits for its turn like a tensor, and nothing is merged behind it. Whoever makes a feed calls `stop`
/// when the response has ended, in whatever way: that waits until the thread has ended too, so that a client who comes and goes
/// never has more threads working than there are workers.
final class TensorFeed: Sendable {
    struct Upcoming: Sendable {
        let tensor: Int
        let bytes: Int
    }

    private typealias Merged = Result<MergedTensor, any Error>

    private struct State {
        /// Merged in order and not taken yet, each with the bytes that are reserved for it.
        var waiting: [(merged: Merged, reserved: Int)] = []
        /// Being merged now.
        var running = 0
        /// The first that nobody merges yet.
        var next = 0
        var isRunning = false
        var isStopped = false
        /// The response has nothing to send until a tensor arrives; so at its beginning.
        var isAwaited = true
    }

    /// As many tensors as this are ahead at most.
    static let tensorLimit = 16
    /// Tensors that together are no longer than this are merged side by side: one alone would not occupy all threads.
    private static let batchBytes = 4 << 20
    /// For less than this a thread is not worth its start.
    private static let smallest = 1 << 20

    private let order: [Upcoming]
    private let model: MergedModel
    private let source: any MergedTensorSource
    private let state = Mutex(State())
    private let arrived = DispatchSemaphore(value: 0)
    private let room = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    init(_ order: [Upcoming], of model: MergedModel, from source: any MergedTensorSource) {
        self.order = order
        self.model = model
        self.source = source
    }

    // MARK: The response's side

    /// Starts merging, if the first tensor has to be merged, while the response sends what is in front of it.
    func begin() { startIfNeeded() }

    /// The next tensor. To be called as often as there are tensors, and by one thread.
    func next() throws -> MergedTensor {
        startIfNeeded()
        guard state.withLock({ $0.isRunning }) else {
            let index = state.withLock { state in
                state.next += 1
                return state.next - 1
            }
            return try source.tensor(order[index].tensor, of: model)
        }
        let mustWait = state.withLock { state in
            state.isAwaited = state.waiting.isEmpty
            return state.isAwaited
        }
        if mustWait { room.signal() }
        arrived.wait()
        let (merged, reserved) = state.withLock { state in
            state.isAwaited = false
            return state.waiting.removeFirst()
        }
        source.readAhead.give(reserved)
        room.signal()
        return try merged.get()
    }

    /// Ends the merging ahead. Nothing is to be asked for afterwards.
    func stop() {
        let wasRunning = state.withLock { state in
            state.isStopped = true
            return state.isRunning
        }
        guard wasRunning else { return }
        room.signal()
        ended.wait()
        let reserved = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting.reduce(0) { $0 + $1.reserved }
        }
        source.readAhead.give(reserved)
    }

    private func startIfNeeded() {
        let (isRunning, next) = state.withLock { ($0.isRunning, $0.next) }
        guard !isRunning, order.count - next > 1, order[next...].reduce(0, { $0 + $1.bytes }) >= Self.smallest,
            !source.isReady(order[next].tensor, of: model)
        else { return }
        state.withLock { $0.isRunning = true }
        do throws(SystemError) {
            try Thread.start { self.work() }
        } catch {
            // Without a thread to spare everything is merged when it is due.
            state.withLock { $0.isRunning = false }
        }
    }

    // MARK: The thread's side

    private func work() {
        while let batch = claim() {
            let merged = merge(batch.map(\.upcoming.tensor))
            let hasFailed = merged.contains { if case .failure = $0 { true } else { false } }
            state.withLock { state in
                state.running = 0
                state.waiting += zip(merged, batch.map(\.reserved)).map { ($0, $1) }
                if hasFailed { state.isStopped = true }
            }
            for _ in merged { arrived.signal() }
        }
        ended.signal()
    }

    /// Waits until something may be merged.
    ///
    /// - Returns: nil at the end.
    private func claim() -> [(upcoming: Upcoming, reserved: Int)]? {
        while true {
            let batch = state.withLock { state -> [(upcoming: Upcoming, reserved: Int)]? in
                state.isStopped || state.next == order.count ? nil : nextBatch(&state)
            }
            guard let batch else { return nil }
            if !batch.isEmpty { return batch }
            room.wait()
        }
    }

    /// A large tensor, or some small ones that can be merged apart from each other.
    private func nextBatch(_ state: inout State) -> [(upcoming: Upcoming, reserved: Int)] {
        var batch: [(upcoming: Upcoming, reserved: Int)] = []
        var bytes = 0
        var clusters: Set<Int> = []
        while state.next < order.count, state.waiting.count + state.running < Self.tensorLimit {
            let upcoming = order[state.next]
            let cluster = model.plan.cluster(of: upcoming.tensor).first ?? upcoming.tensor
            // Of tensors that are computed together, one brings the others with it.
            guard batch.isEmpty || bytes + upcoming.bytes <= Self.batchBytes && !clusters.contains(cluster) else {
                break
            }
            // The response waits for this one, and for no other.
            let isDue = state.isAwaited && state.waiting.isEmpty && state.running == 0
            guard isDue || source.readAhead.take(upcoming.bytes) else { break }
            batch.append((upcoming, isDue ? 0 : upcoming.bytes))
            bytes += upcoming.bytes
            clusters.insert(cluster)
            state.next += 1
            state.running += 1
        }
        return batch
    }

    private func merge(_ tensors: [Int]) -> [Merged] {
        if tensors.count == 1 { return [Merged { try source.tensor(tensors[0], of: model) }] }
        let merged = Mutex([Merged?](repeating: nil, count: tensors.count))
        source.readAhead.pool.forEach(tensors.count) { index in
            let result = Merged { try source.tensor(tensors[index], of: model) }
            merged.withLock { $0[index] = result }
        }
        return merged.withLock { $0.compactMap(\.self) }
    }
}
