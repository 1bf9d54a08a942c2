import Synchronization
import Testing
import UmbelAdapters
import UmbelModels
import UmbelPOSIX
import UmbelTesting

@testable import UmbelEngine

/// Jobs wait, are drawn one after another, can be cancelled at any time, and are kept for a while.
@Suite("Drawing queue", .timeLimit(.minutes(1)))
struct DrawingQueueTests {
    private let base: BaseModel

    init() throws { base = try BaseModel(name: "tiny", path: Goldens.path("lycoris/base/main_fp32.safetensors")) }

    private func variant(_ id: String = "v") -> Variant {
        let model = MergedModel(base: base, plan: MergePlan(base: base.weights, steps: []), dtype: nil)
        return Variant(id: id, reference: ModelReference(base: "tiny", terms: []), model: model)
    }

    private func task(
        seed: UInt64 = 1, count: Int = 1, steps: Int = 2, sampler: String? = nil, drawings: Int = 1
    ) -> DrawingTask {
        var request = DrawingRequest()
        (request.seed, request.count, request.steps, request.sampler) = (seed, count, steps, sampler)
        let drawing = DrawingTask.Drawing(request, with: SteppedModel(variant()), name: "tiny")
        return DrawingTask([DrawingTask.Drawing](repeating: drawing, count: drawings), door: .images)
    }

    private func queue(
        _ painter: StandInPainter, _ change: (inout DrawingQueue.Settings) -> Void = { _ in },
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        prepare: @escaping DrawingQueue.Preparation = { _ in }
    ) -> DrawingQueue {
        var settings = DrawingQueue.Settings()
        change(&settings)
        return DrawingQueue(painter: painter, settings: settings, now: now, prepare: prepare)
    }

    /// Every status that a job was seen in until it ended.
    private func statuses(of job: DrawingJob) throws -> [DrawingStatus] {
        let changes = job.changes()
        var seen: [DrawingStatus] = []
        while seen.last?.isFinished != true { seen.append(try #require(changes.next(within: 30))) }
        return seen
    }

    private func end(of job: DrawingJob) throws -> DrawingStatus { try #require(try statuses(of: job).last) }

    private func position(_ job: DrawingJob) -> Int? {
        if case .queued(let position) = job.status.state { position } else { nil }
    }

    @Test("A job is drawn, with as many pictures as were asked for, and its steps are counted over all drawings")
    func drawn() throws {
        let painter = StandInPainter(isStepwise: true)
        let queue = queue(painter)
        let job = try queue.submit(task(count: 2, steps: 2, drawings: 2))
        var steps: [Int] = []
        for step in 1...4 {
            painter.arrived.wait()
            if case .running(let progress) = job.status.state {
                steps.append(progress.step)
                #expect(progress.steps == 4)
                #expect(progress.drawing == max(0, step - 2) / 2)
                #expect((progress.latest?.preview != nil) == (step > 1))
            }
            painter.gate.signal()
        }
        let status = try end(of: job)
        #expect(steps == [0, 1, 2, 3])
        #expect(status.pictures.count == 4)
        #expect(status.pictures.map(\.drawing) == [0, 0, 1, 1])
        #expect(status.started != nil && status.completed != nil)
        #expect(try queue.job(job.id) === job)
    }

    @Test("As many wait as may, the next one is refused, and who waits is told when it moves up")
    func bounded() throws {
        let painter = StandInPainter(isStepwise: true)
        let queue = queue(painter) { $0.waiting = 2 }
        let first = try queue.submit(task())
        painter.arrived.wait()
        let second = try queue.submit(task())
        let third = try queue.submit(task())
        #expect(throws: DrawingJobError.queueFull(limit: 2)) { try queue.submit(task()) }
        #expect([position(second), position(third)] == [1, 2])
        #expect(queue.waitingCount == 2)
        let changes = third.changes()
        #expect(changes.next(within: 0) != nil, "the first one is the present")
        #expect(changes.next(within: 0) == nil, "then nothing has changed")
        queue.cancel(second)
        #expect(second.status.word == "cancelled")
        #expect(changes.next(within: 30) != nil)
        #expect(position(third) == 1)
        for _ in 0..<4 { painter.gate.signal() }
        #expect(try end(of: first).word == "completed")
        #expect(try end(of: third).word == "completed")
        #expect(painter.requests.count == 2, "what was cancelled while it waited was never begun")
    }

    @Test("A job under way ends at the next step when it is cancelled, and the next one is drawn")
    func cancelledUnderWay() throws {
        let painter = StandInPainter(isStepwise: true)
        let queue = queue(painter)
        let job = try queue.submit(task(steps: 100))
        painter.arrived.wait()
        let next = try queue.submit(task(steps: 1))
        queue.cancel(job)
        #expect(job.status.word == "running", "until the step under way is done")
        painter.gate.signal()
        #expect(try end(of: job).word == "cancelled")
        #expect(job.status.pictures.isEmpty)
        painter.gate.signal()
        #expect(try end(of: next).word == "completed")
        queue.cancel(next)
        #expect(next.status.word == "completed", "what has ended stays as it ended")
    }

    @Test("Every variant is merged once before the first step, and what fails there fails the job")
    func prepared() throws {
        let merged = Mutex<[String]>([])
        let painter = StandInPainter()
        let queue = queue(
            painter,
            prepare: { variant in
                merged.withLock { $0.append(variant.id) }
                if variant.id == "bad" { throw EngineError.noBaseFits }
            })
        let model = SteppedModel(stages: [.init(variant("a")), .init(variant("b"), from: 0.5)])
        let drawing = DrawingTask.Drawing(DrawingRequest(), with: model, name: "m")
        #expect(try end(of: queue.submit(DrawingTask([drawing, drawing], door: .sweep))).word == "completed")
        #expect(merged.withLock { $0 } == ["a", "b"])
        let bad = DrawingTask.Drawing(DrawingRequest(), with: SteppedModel(variant("bad")), name: "m")
        let failed = try end(of: queue.submit(DrawingTask([bad], door: .images)))
        guard case .failed(let error as EngineError) = failed.state, case .noBaseFits = error else {
            Issue.record("\(failed.state)")
            return
        }
        #expect(painter.requests.count == 2, "nothing was drawn without its weights")
    }

    @Test("The drawings of one model are drawn behind each other, and the pictures stay in the order of the task")
    func order() throws {
        let painter = StandInPainter()
        let drawings = ["a", "b", "a", "c", "b"].enumerated().map { index, id in
            var request = DrawingRequest()
            request.seed = UInt64(index)
            return DrawingTask.Drawing(request, with: SteppedModel(variant(id)), name: id)
        }
        let pictures = try end(of: queue(painter).submit(DrawingTask(drawings, door: .sweep))).pictures
        #expect(painter.requests.map(\.seed) == [0, 2, 1, 4, 3])
        #expect(pictures.map(\.drawing) == [0, 1, 2, 3, 4])
        #expect(pictures.map(\.picture.seed) == [0, 1, 2, 3, 4])
    }

    @Test("What the painter refuses fails the job with its reason")
    func failed() throws {
        let status = try end(of: queue(StandInPainter()).submit(task(sampler: "none")))
        guard case .failed(let error as EngineError) = status.state, case .drawing(.request(let field, _, _)) = error
        else {
            Issue.record("\(status.state)")
            return
        }
        #expect(field == "sampler")
    }

    @Test("Finished jobs are forgotten when their time is over")
    func forgottenByTime() throws {
        let start = ContinuousClock.now
        let seconds = Mutex(0)
        let now: @Sendable () -> ContinuousClock.Instant = { start + .seconds(seconds.withLock { $0 }) }
        let queue = queue(StandInPainter(), { $0.keepSeconds = 10 }, now: now)
        let job = try queue.submit(task())
        _ = try end(of: job)
        // Its thread puts it to the finished ones after it has told so.
        while !queue.running.isEmpty {}
        seconds.withLock { $0 = 9 }
        #expect(try queue.job(job.id) === job)
        seconds.withLock { $0 = 10 }
        #expect(throws: DrawingJobError.unknownJob(job.id)) { try queue.job(job.id) }
    }

    @Test("Finished jobs take no more memory than they may, but the newest is kept")
    func forgottenBySize() throws {
        let bytes = StandInPainter.side * StandInPainter.side * 3
        let queue = queue(StandInPainter()) { $0.keepBytes = bytes * 2 }
        let jobs = try (0..<3).map { _ in
            let job = try queue.submit(task())
            _ = try end(of: job)
            while !queue.running.isEmpty {}
            return job
        }
        #expect(queue.jobs.map(\.id) == jobs.dropFirst().map(\.id))
        let large = try queue.submit(task(count: 3))
        _ = try end(of: large)
        while !queue.running.isEmpty {}
        #expect(queue.jobs.map(\.id) == [large.id])
    }

    @Test("When the service stops, nothing more is taken, and what nobody waits for is cancelled")
    func stopping() throws {
        let painter = StandInPainter(isStepwise: true)
        let queue = queue(painter)
        let watched = try queue.submit(task(steps: 1))
        let changes = watched.changes()
        painter.arrived.wait()
        let unwatched = try queue.submit(task())
        queue.stopTaking()
        #expect(unwatched.status.word == "cancelled")
        #expect(throws: DrawingJobError.stopping) { try queue.submit(task()) }
        painter.gate.signal()
        var last = changes.next(within: 30)
        while last?.isFinished == false { last = changes.next(within: 30) }
        #expect(last?.word == "completed")
        #expect(queue.stop(within: 30))
    }

    @Test("Stopping cancels what is under way")
    func stopped() throws {
        let painter = StandInPainter(isStepwise: true)
        let queue = queue(painter)
        let job = try queue.submit(task(steps: 100))
        painter.arrived.wait()
        #expect(!queue.stop(within: 0), "its step is not done")
        painter.gate.signal()
        #expect(queue.stop(within: 30))
        #expect(job.status.word == "cancelled")
    }

    @Test("Several are drawn at the same time where that is asked for")
    func concurrent() throws {
        let painter = StandInPainter(isStepwise: true)
        let queue = queue(painter) { ($0.concurrency, $0.waiting) = (2, 0) }
        let jobs = [try queue.submit(task(steps: 1)), try queue.submit(task(steps: 1))]
        painter.arrived.wait()
        painter.arrived.wait()
        #expect(throws: DrawingJobError.queueFull(limit: 0)) { try queue.submit(task()) }
        painter.gate.signal()
        painter.gate.signal()
        for job in jobs { #expect(try end(of: job).word == "completed") }
    }
}
