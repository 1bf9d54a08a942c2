internal import Dispatch
internal import Synchronization

/// The one budget of computing threads of the process. Its size is set once; work of all requests shares it.
///
/// A call computes on the caller's thread and on as many helpers as are free, so it always makes progress, and the
/// helpers of all calls together are never more than `threads - 1`.
package final class ComputePool: Sendable {
    package let threads: Int
    private let queue = DispatchQueue(label: "umbel.compute", attributes: .concurrent)
    private let freeHelpers: Mutex<Int>

    package init(threads: Int) {
        self.threads = max(1, threads)
        freeHelpers = Mutex(max(1, threads) - 1)
    }

    /// Calls `body` once for each of `0..<count`, in any order and on several threads, and returns when all are done.
    package func forEach(_ count: Int, _ body: @Sendable (Int) -> Void) {
        let helpers = take(min(count, threads) - 1)
        guard helpers > 0 else {
            for index in 0..<count { body(index) }
            return
        }
        let next = Atomic(0)
        let group = DispatchGroup()
        withoutActuallyEscaping(body) { body in
            let claim: @Sendable () -> Void = {
                while true {
                    let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    if index >= count { return }
                    body(index)
                }
            }
            // The group is waited for before `body` goes out of scope, which is what the escape is allowed by.
            withoutActuallyEscaping(claim) { claim in
                for _ in 0..<helpers { queue.async(group: group, execute: claim) }
                claim()
                group.wait()
            }
        }
        freeHelpers.withLock { $0 += helpers }
    }

    /// Calls `body` for consecutive parts of `0..<count`, each a multiple of `grain` long but for the last.
    package func forEachRange(_ count: Int, grain: Int, _ body: @Sendable (Range<Int>) -> Void) {
        let parts = (count + grain - 1) / max(1, grain)
        forEach(parts) { part in
            body(part * grain..<min(count, (part + 1) * grain))
        }
    }

    private func take(_ wanted: Int) -> Int {
        freeHelpers.withLock { free in
            let taken = max(0, min(wanted, free))
            free -= taken
            return taken
        }
    }
}
