/// The one budget of computing threads of the process. Its size is set once; work of all requests shares it.
///
/// A call computes on the caller's thread, so it always makes progress, and idle helpers join it; there are never more than
/// `threads - 1` helpers, however many calls there are. A call within a call is as good as any other: nobody ever waits but for
/// work that is being done.
package final class ComputePool: Sendable {
    package let threads: Int
    let helpers: PoolHelpers

    package init(threads: Int) {
        self.threads = max(1, threads)
        helpers = PoolHelpers(limit: max(1, threads) - 1)
    }

    deinit { helpers.dismiss() }

    /// Calls `body` once for each of `0..<count`, in any order and on several threads, and returns when all are done.
    package func forEach(_ count: Int, _ body: @Sendable (Int) -> Void) {
        guard count > 1, threads > 1 else {
            for index in 0..<count { body(index) }
            return
        }
        // The job is ended, and has let go of `body`, before `body` goes out of scope: that is what the escape is allowed by.
        withoutActuallyEscaping(body) { body in
            let job = PoolJob(count: count, body)
            helpers.offer(job)
            job.work()
            helpers.end(job)
        }
    }

    /// Calls `body` for consecutive parts of `0..<count`, each a multiple of `grain` long but for the last.
    package func forEachRange(_ count: Int, grain: Int, _ body: @Sendable (Range<Int>) -> Void) {
        let parts = (count + grain - 1) / max(1, grain)
        forEach(parts) { part in
            body(part * grain..<min(count, (part + 1) * grain))
        }
    }
}
