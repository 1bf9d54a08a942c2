internal import Dispatch
internal import Synchronization
internal import UmbelModels
internal import UmbelRegistry

/// One task on its way through the queue. Any thread may look at it, wait for it and cancel it.
package final class DrawingJob: Sendable {
    /// 24 hexadecimal digits that nobody can guess from another job's.
    package let id: String
    package let task: DrawingTask
    private let created: ContinuousClock.Instant
    private let state: Mutex<Inner>

    private struct Inner {
        var status: DrawingStatus
        var isCancelled = false
        var watchers: [ObjectIdentifier: DispatchSemaphore] = [:]

        mutating func change(_ body: (inout DrawingStatus) -> Void) {
            body(&status)
            status.version += 1
            for semaphore in watchers.values { semaphore.signal() }
        }
    }

    init(_ task: DrawingTask, position: Int, now: ContinuousClock.Instant) {
        self.task = task
        created = now
        let digits = (0..<3).map { _ in String(UInt32.random(in: 0 ... .max) | 1 << 31, radix: 16) }
        id = digits.joined()
        state = Mutex(Inner(status: DrawingStatus(state: .queued(position: position), created: .now)))
    }

    package var status: DrawingStatus { state.withLock { $0.status } }

    /// Somebody waits for it at the moment.
    package var isWatched: Bool { state.withLock { !$0.watchers.isEmpty } }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    // MARK: For the queue

    func move(to position: Int) {
        state.withLock { inner in
            if case .queued(position) = inner.status.state { return }
            inner.change { $0.state = .queued(position: position) }
        }
    }

    /// - Returns: false if it was cancelled before.
    func start(now: ContinuousClock.Instant) -> Bool {
        state.withLock { inner in
            guard !inner.isCancelled, !inner.status.isFinished else { return false }
            inner.change { status in
                status.state = .running(.init(step: 0, steps: task.steps))
                status.started = .now
                status.times.waiting = now - created
            }
            return true
        }
    }

    func merged(after time: Duration) { state.withLock { $0.status.times.merging = time } }

    /// - Throws: `cancelled` when somebody has cancelled it.
    func checkpoint() throws(ModelError) { if isCancelled { throw .cancelled } }

    /// - Parameters:
    ///   - done: steps of the drawings before.
    /// - Throws: `cancelled` when somebody has.
    func advance(drawing: Int, stepsBefore done: Int, _ progress: DrawingProgress) throws(ModelError) {
        // A sampler may evaluate its model more often than once a step, and pictures may be drawn one after the other.
        let step = task.drawings[drawing].request.steps * progress.step / max(1, progress.steps)
        let goesOn = state.withLock { inner in
            guard !inner.isCancelled else { return false }
            inner.change {
                $0.state = .running(.init(step: done + step, steps: task.steps, drawing: drawing, latest: progress))
            }
            return true
        }
        guard goesOn else { throw .cancelled }
    }

    /// Ends it, unless it has ended; what is not to be known after a cancellation is not kept.
    func finish(_ end: DrawingStatus.State, drawing time: Duration) {
        state.withLock { inner in
            guard !inner.status.isFinished else { return }
            let end = inner.isCancelled ? .cancelled : end
            inner.change { status in
                status.state = end
                status.completed = .now
                status.times.drawing = time
            }
        }
    }

    /// A running drawing ends after its step.
    ///
    /// - Returns: whether the job was waiting still, so that the queue has to let it go.
    func requestCancellation() -> Bool {
        state.withLock { inner in
            guard !inner.status.isFinished else { return false }
            inner.isCancelled = true
            guard case .queued = inner.status.state else { return false }
            inner.change { status in
                status.state = .cancelled
                status.completed = .now
            }
            return true
        }
    }

    // MARK: For who waits

    /// What becomes of a job, in the order in which it becomes so; changes that nobody looked at in time are left out.
    package final class Changes {
        private let job: DrawingJob
        private let semaphore = DispatchSemaphore(value: 0)
        private var seen = -1

        fileprivate init(_ job: DrawingJob) {
            self.job = job
            job.state.withLock { $0.watchers[ObjectIdentifier(self)] = semaphore }
        }

        deinit { job.state.withLock { _ = $0.watchers.removeValue(forKey: ObjectIdentifier(self)) } }

        /// The newest status that was not given yet, waited for.
        ///
        /// - Returns: nil when the time is over.
        package func next(within seconds: Double) -> DrawingStatus? {
            let deadline = DispatchTime.now() + seconds
            while true {
                let status = job.status
                if status.version > seen {
                    seen = status.version
                    return status
                }
                if semaphore.wait(timeout: deadline) == .timedOut { return nil }
            }
        }
    }

    /// The first status that it gives is the present one. The job counts as watched as long as somebody keeps it.
    package func changes() -> Changes { Changes(self) }
}
