internal import Dispatch
internal import Synchronization

/// One call of `ComputePool.forEach`: indices that are claimed one by one by whoever works on it.
final class PoolJob: @unchecked Sendable {
    // Sendable: `body` is read only by those who work on the job, and cleared when none of them is left; `waiter` is guarded
    // by the lock of `PoolHelpers`.
    let count: Int
    private let next = Atomic(0)
    /// Helpers that work on it now. Changed under the lock of `PoolHelpers`.
    let helping = Atomic(0)
    /// Where the caller sleeps until the last helper leaves.
    var waiter: DispatchSemaphore?
    private var body: (@Sendable (Int) -> Void)?

    init(count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        self.count = count
        self.body = body
    }

    var hasMore: Bool { next.load(ordering: .relaxed) < count }

    /// Does what nobody has claimed yet.
    // Not inlined, so that its hold on `body` ends with it.
    @inline(never)
    func work() {
        guard let body else { return }
        while true {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            if index >= count { return }
            body(index)
        }
    }

    /// Lets go of the closure; nobody works on it any more.
    func clear() { body = nil }
}
