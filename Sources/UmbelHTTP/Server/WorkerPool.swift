internal import Dispatch
internal import Synchronization
internal import UmbelPOSIX

/// A fixed number of threads of our own, and a bounded queue before them.
///
/// Handlers block: on bodies, on clients that take their time, on merges. Blocking Dispatch's threads or Swift's
/// cooperative pool would stop others; these threads are there to be blocked. They start when first needed.
final class WorkerPool: Sendable {
    typealias Job = @Sendable () -> Void

    private struct State {
        var jobs: [Job] = []
        var busy = 0
        var threads = 0
        var isStopped = false
    }

    private let threadLimit: Int
    private let waitingLimit: Int
    private let state = Mutex(State())
    private let available = DispatchSemaphore(value: 0)

    init(threads: Int, waiting: Int) {
        threadLimit = threads
        waitingLimit = waiting
    }

    /// - Returns: false when all threads are busy and the queue is full, or the pool has stopped.
    func submit(_ job: @escaping Job) -> Bool {
        let (isAccepted, needsThread) = state.withLock { state in
            let load = state.jobs.count + state.busy
            guard !state.isStopped, load < threadLimit + waitingLimit else { return (false, false) }
            state.jobs.append(job)
            let needsThread = load >= state.threads && state.threads < threadLimit
            if needsThread { state.threads += 1 }
            return (true, needsThread)
        }
        guard isAccepted else { return false }
        available.signal()
        if needsThread { startThread() }
        return true
    }

    /// Lets the threads end once the queue is empty.
    func stop() {
        let threads = state.withLock { state in
            state.isStopped = true
            return state.threads
        }
        for _ in 0..<threads { available.signal() }
    }

    private func startThread() {
        do {
            try Thread.start { self.work() }
        } catch {
            // The threads there are will take the job. If there is none, the next submission tries to start one.
            state.withLock { $0.threads -= 1 }
        }
    }

    private func work() {
        while true {
            available.wait()
            let job = state.withLock { state -> Job? in
                guard !state.jobs.isEmpty else { return nil }
                state.busy += 1
                return state.jobs.removeFirst()
            }
            // A signal without a job is the one that `stop` sends.
            guard let job else { return }
            job()
            state.withLock { $0.busy -= 1 }
        }
    }
}
