internal import Dispatch
internal import Synchronization
internal import UmbelModels
internal import UmbelPOSIX

/// Drawings wait here and are drawn, some at a time, each on a thread of its own that ends when nothing waits.
package final class DrawingQueue: Sendable {
    package struct Settings: Hashable, Sendable {
        /// Jobs that wait; the next one is refused.
        package var waiting = 64
        /// Jobs that are drawn at the same time.
        package var concurrency = 1
        /// How long a finished job is kept.
        package var keepSeconds = 600.0
        /// Bytes of finished pictures that are kept; the newest job is in any case.
        package var keepBytes = 256 << 20

        package init() {}
    }

    /// Merges what will be drawn with, so that no step waits for it.
    package typealias Preparation = @Sendable (Variant) throws -> Void

    private struct State {
        var waiting: [DrawingJob] = []
        var running: [DrawingJob] = []
        /// In the order in which they ended, with the time.
        var finished: [(job: DrawingJob, end: ContinuousClock.Instant)] = []
        var threads = 0
        var isStopping = false
    }

    package let painter: any Painter
    package let settings: Settings
    private let prepare: Preparation
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())
    /// Entered by each thread.
    private let threads = DispatchGroup()

    /// - Parameter now: the clock by which finished jobs grow old.
    package init(
        painter: any Painter, settings: Settings = Settings(),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }, prepare: @escaping Preparation
    ) {
        self.painter = painter
        self.settings = settings
        self.now = now
        self.prepare = prepare
    }

    /// Puts a task at the end of the queue.
    ///
    /// - Throws: `DrawingJobError.tooManyPixels`, `.queueFull`, `.stopping`; `SystemError` when there is no thread for it.
    package func submit(_ task: DrawingTask) throws -> DrawingJob {
        guard task.pixels <= DrawingTask.pixelLimit else {
            throw DrawingJobError.tooManyPixels(task.pixels, limit: DrawingTask.pixelLimit)
        }
        forgetOld()
        let (job, needsThread) = try state.withLock { state in
            guard !state.isStopping else { throw DrawingJobError.stopping }
            // One that a free thread will take at once does not wait.
            let free = settings.concurrency - state.running.count
            guard state.waiting.count < settings.waiting + free else {
                throw DrawingJobError.queueFull(limit: settings.waiting)
            }
            let job = DrawingJob(task, position: state.waiting.count + 1, now: now())
            state.waiting.append(job)
            let needsThread = state.threads < settings.concurrency
            if needsThread {
                state.threads += 1
                threads.enter()
            }
            return (job, needsThread)
        }
        if needsThread { try startThread(for: job) }
        return job
    }

    private func startThread(for job: DrawingJob) throws {
        do throws(SystemError) {
            try Thread.start { self.work() }
        } catch {
            state.withLock { $0.threads -= 1 }
            threads.leave()
            // Another thread may have taken it meanwhile, or will; without one it would wait for ever.
            guard state.withLock({ $0.threads == 0 }) else { return }
            cancel(job)
            throw error
        }
    }

    // MARK: Looking

    /// A job that is not forgotten yet.
    package func job(_ id: String) throws(DrawingJobError) -> DrawingJob {
        guard let job = jobs.first(where: { $0.id == id }) else { throw .unknownJob(id) }
        return job
    }

    /// Finished ones in the order in which they ended, then those under way, then those that wait.
    package var jobs: [DrawingJob] {
        forgetOld()
        return state.withLock { $0.finished.map(\.job) + $0.running + $0.waiting }
    }

    /// Those under way.
    package var running: [DrawingJob] { state.withLock { $0.running } }

    /// Jobs that wait.
    package var waitingCount: Int { state.withLock { $0.waiting.count } }

    // MARK: Ending

    /// Ends a job: one that waits at once, one under way after its step. Nothing happens to one that has ended.
    package func cancel(_ job: DrawingJob) {
        guard job.requestCancellation() else { return }
        state.withLock { state in
            state.waiting.removeAll { $0 === job }
            keep(job, in: &state)
        }
    }

    /// Takes nothing more, and cancels what nobody waits for: its pictures could not be fetched any more.
    package func stopTaking() {
        state.withLock { $0.isStopping = true }
        for job in state.withLock({ $0.waiting + $0.running }) where !job.isWatched { cancel(job) }
    }

    /// Cancels everything and waits for the threads.
    ///
    /// - Returns: whether all have ended in time.
    @discardableResult
    package func stop(within seconds: Double) -> Bool {
        state.withLock { $0.isStopping = true }
        for job in state.withLock({ $0.waiting + $0.running }) { cancel(job) }
        return threads.wait(timeout: .now() + seconds) == .success
    }

    /// Lets finished jobs go that are too old or take too much.
    package func forgetOld() {
        let time = now()
        state.withLock { state in
            state.finished.removeAll { $0.end + .seconds(settings.keepSeconds) <= time }
            var bytes = state.finished.reduce(0) { $0 + $1.job.keptBytes }
            while state.finished.count > 1, bytes > settings.keepBytes {
                bytes -= state.finished.removeFirst().job.keptBytes
            }
        }
    }

    /// Puts a job that has ended to those that are kept, and tells those that wait where they are now.
    private func keep(_ job: DrawingJob, in state: inout State) {
        // One that is cancelled in the moment in which a thread takes it ends at both places.
        if !state.finished.contains(where: { $0.job === job }) { state.finished.append((job, now())) }
        for (index, waiting) in state.waiting.enumerated() { waiting.move(to: index + 1) }
    }

    // MARK: On a thread of the queue

    private func work() {
        while let job = next() {
            draw(job)
            state.withLock { state in
                state.running.removeAll { $0 === job }
                keep(job, in: &state)
            }
            forgetOld()
        }
        threads.leave()
    }

    private func next() -> DrawingJob? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.threads -= 1
                return nil
            }
            let job = state.waiting.removeFirst()
            state.running.append(job)
            for (index, waiting) in state.waiting.enumerated() { waiting.move(to: index + 1) }
            return job
        }
    }

    private func draw(_ job: DrawingJob) {
        guard job.start(now: now()) else { return }
        var start = ContinuousClock.now
        do {
            for variant in job.task.variants {
                try job.checkpoint()
                try prepare(variant)
            }
            let merged = ContinuousClock.now
            job.merged(after: merged - start)
            start = merged
            let pictures = try pictures(of: job)
            job.finish(.completed(pictures), drawing: .now - start)
        } catch {
            job.finish(.failed(error), drawing: .now - start)
        }
    }

    private func pictures(of job: DrawingJob) throws(EngineError) -> [DrawingStatus.Picture] {
        var pictures: [[DrawingStatus.Picture]] = job.task.drawings.map { _ in [] }
        let share = DrawingShare()
        var done = 0
        for index in job.task.order {
            let drawing = job.task.drawings[index]
            let before = done
            let drawn = try painter.draw(
                drawing.request, with: drawing.model, sharing: share, checkpoint: job.checkpoint
            ) { (progress) throws(ModelError) in
                try job.advance(drawing: index, stepsBefore: before, progress)
            }
            pictures[index] = drawn.map { .init(picture: $0, drawing: index) }
            done += drawing.request.steps
        }
        return pictures.flatMap(\.self)
    }
}

extension DrawingTask {
    /// Every variant that draws, each once, in order.
    package var variants: [Variant] {
        var seen: Set<String> = []
        return drawings.flatMap { $0.model.stages.map(\.variant) }.filter { seen.insert($0.id).inserted }
    }

    /// The places of the drawings in the order in which they are drawn: those of one model behind each other, since its
    /// networks are not kept for long.
    var order: [Int] {
        var places: [[String]: Int] = [:]
        let groups = drawings.enumerated().map { index, drawing in
            let model = drawing.model.stages.map { "\($0.variant.id)@\($0.from)" }
            places[model] = places[model] ?? index
            return places[model] ?? index
        }
        return drawings.indices.sorted { (groups[$0], $0) < (groups[$1], $1) }
    }
}

extension DrawingJob {
    /// Bytes of its pictures.
    fileprivate var keptBytes: Int { status.pictures.reduce(0) { $0 + $1.picture.pixels.count } }
}
