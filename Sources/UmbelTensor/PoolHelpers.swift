internal import Dispatch
internal import Glibc
internal import Synchronization

/// The threads that help callers of a pool, and the jobs that they may join.
///
/// A merge makes many short calls one after the other. A thread that sleeps takes some 50 µs to wake, longer than many calls
/// last, so a helper without work looks for more for about as long before it sleeps, and who waits for the last helper does
/// the same. Both yield the processor while they look.
final class PoolHelpers: Sendable {
    private struct State {
        /// Jobs that callers have not ended, the oldest first.
        var jobs: [PoolJob] = []
        /// Threads there are.
        var started = 0
        /// Of these, how many look for work …
        var looking = 0
        /// … and how many sleep.
        var asleep = 0
        var isDismissed = false
    }

    private let limit: Int
    private let state = Mutex(State())
    /// Raised when there is something new to look at.
    private let news = Atomic(0)
    private let wake = DispatchSemaphore(value: 0)
    /// Looks before sleep: a yield between two takes some 0.3 µs where nobody else wants the processor.
    private static let looks = 150

    /// - Parameter limit: threads at most; each is started when first needed.
    init(limit: Int) {
        self.limit = limit
    }

    /// Lets helpers join a job, and wakes or starts as many as could be of use.
    func offer(_ job: PoolJob) {
        let (waking, starting) = state.withLock { state in
            state.jobs.append(job)
            news.wrappingAdd(1, ordering: .relaxed)
            let wanted = max(0, min(job.count - 1, limit) - state.looking)
            let waking = min(wanted, state.asleep)
            let starting = min(wanted - waking, limit - state.started)
            state.asleep -= waking
            state.started += starting
            state.looking += waking + starting
            return (waking, starting)
        }
        for _ in 0..<waking { wake.signal() }
        for _ in 0..<starting { start() }
    }

    /// Waits for those who still work on a job. The caller has found nothing left to claim.
    func end(_ job: PoolJob) {
        state.withLock { state in state.jobs.removeAll { $0 === job } }
        for _ in 0..<Self.looks where job.helping.load(ordering: .acquiring) > 0 { sched_yield() }
        let waiter: DispatchSemaphore? = state.withLock { _ in
            guard job.helping.load(ordering: .acquiring) > 0 else { return nil }
            let waiter = DispatchSemaphore(value: 0)
            job.waiter = waiter
            return waiter
        }
        waiter?.wait()
        job.clear()
    }

    /// Ends all threads; no call is under way.
    func dismiss() {
        let waking = state.withLock { state in
            state.isDismissed = true
            news.wrappingAdd(1, ordering: .relaxed)
            defer { state.asleep = 0 }
            return state.asleep
        }
        for _ in 0..<waking { wake.signal() }
    }

    private func start() {
        let argument = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<PoolHelpers>.fromOpaque(argument).takeRetainedValue().help() }
                return nil
            }, argument.toOpaque())
        guard code != 0 else {
            pthread_detach(thread)
            return
        }
        // Callers compute on threads of their own: without this one it only takes longer.
        argument.release()
        state.withLock { state in
            state.started -= 1
            state.looking -= 1
        }
    }

    private func help() {
        while true {
            let seen = news.load(ordering: .relaxed)
            if let job = join() {
                job.work()
                leave(job)
            } else if !lookAround(since: seen), !sleep(since: seen) {
                return
            }
        }
    }

    private func join() -> PoolJob? {
        state.withLock { state in
            guard let job = state.jobs.first(where: \.hasMore) else { return nil }
            state.looking -= 1
            job.helping.wrappingAdd(1, ordering: .relaxed)
            return job
        }
    }

    private func leave(_ job: PoolJob) {
        state.withLock { state in
            state.looking += 1
            let left = job.helping.wrappingSubtract(1, ordering: .releasing).newValue
            if left == 0 { job.waiter?.signal() }
        }
    }

    /// - Returns: whether there was news.
    private func lookAround(since seen: Int) -> Bool {
        for _ in 0..<Self.looks {
            if news.load(ordering: .relaxed) != seen { return true }
            sched_yield()
        }
        return false
    }

    /// Sleeps unless there was news; false if the thread is to end.
    private func sleep(since seen: Int) -> Bool {
        let decision: Bool? = state.withLock { state in
            if state.isDismissed { return false }
            if news.load(ordering: .relaxed) != seen { return true }
            state.looking -= 1
            state.asleep += 1
            return nil
        }
        if let decision { return decision }
        wake.wait()
        return true
    }
}
