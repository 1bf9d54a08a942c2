import Dispatch
import Synchronization
import Testing
import UmbelModels
import UmbelPOSIX
import UmbelRegistry
import UmbelTesting

@testable import UmbelEngine

/// Drawing with the painter of the product: the small trained pipeline and adapters for it, in a queue.
@Suite("Painting with a pipeline", .timeLimit(.minutes(5)))
struct PaintingTests {
    private let shapes: ShapesEngine

    init() throws {
        shapes = try ShapesEngine()
        try shapes.put("lora-te-pastel", as: "pastel")
        try shapes.put("locon-outline", as: "outline")
    }

    private static func request(_ change: (inout DrawingRequest) -> Void = { _ in }) -> DrawingRequest {
        var request = DrawingRequest()
        (request.prompt, request.seed, request.steps, request.guidance) = ("a red circle", 4, 2, 3)
        change(&request)
        return request
    }

    private func task(_ request: DrawingRequest = request(), _ variants: Variant...) -> DrawingTask {
        DrawingTask(
            variants.map { .init(request, with: SteppedModel($0), name: $0.reference.text) }, door: .images)
    }

    /// - Parameter gate: waited for before each job is merged.
    private func queue(gate: DispatchSemaphore? = nil, concurrency: Int = 1) -> DrawingQueue {
        var settings = DrawingQueue.Settings()
        settings.concurrency = concurrency
        return DrawingQueue(painter: shapes.painter, settings: settings) { [shapes] variant in
            gate?.wait()
            _ = try shapes.engine.cache.makeResident(variant)
        }
    }

    private func end(of job: DrawingJob) throws -> DrawingStatus {
        let changes = job.changes()
        while true {
            let status = try #require(changes.next(within: 120))
            if status.isFinished { return status }
        }
    }

    /// What a variant draws when nothing else happens.
    private func drawn(_ variant: Variant, _ request: DrawingRequest = request()) throws -> [DrawnPicture] {
        try shapes.painter.draw(
            request, with: SteppedModel(variant), sharing: DrawingShare(), checkpoint: { () throws(ModelError) in },
            progress: { (_) throws(ModelError) in })
    }

    private func pictures(_ job: DrawingJob) throws -> [DrawnPicture] {
        let status = try end(of: job)
        if case .failed(let error) = status.state { Issue.record("\(error)") }
        return status.pictures.map(\.picture)
    }

    // MARK: Cancelling

    @Test("A drawing that is cancelled at any place ends as cancelled, unfinished, and the next one is drawn")
    func cancelled() throws {
        let queue = queue()
        let base = try shapes.engine.variant("shapes")
        for stepsBefore in [0, 1, 3] {
            let request = Self.request { ($0.steps, $0.count, $0.seeding) = (500, 4, .each) }
            let job = try queue.submit(task(request, base))
            let next = try queue.submit(task(Self.request(), base))
            let changes = job.changes()
            var steps = -1
            while steps < stepsBefore {
                guard case .running(let progress) = try #require(changes.next(within: 120)).state else { continue }
                #expect(progress.step >= steps, "steps never go back")
                steps = progress.step
            }
            queue.cancel(job)
            let status = try end(of: job)
            #expect(status.word == "cancelled")
            #expect(try end(of: next).word == "completed")
            #expect(queue.jobs.first { $0.id == job.id }?.status.word == "cancelled")
        }
        #expect(queue.stop(within: 60))
    }

    @Test("A job that is cancelled while its variants are merged draws nothing")
    func cancelledBeforeDrawing() throws {
        let gate = DispatchSemaphore(value: 0)
        let queue = queue(gate: gate)
        let engine = shapes.engine
        let job = try queue.submit(task(Self.request(), engine.variant("shapes"), engine.variant("shapes+pastel")))
        queue.cancel(job)
        gate.signal()
        #expect(try end(of: job).word == "cancelled")
        #expect(queue.stop(within: 60), "the second variant was not waited for")
    }

    @Test("A job counts the steps that were asked for, however often a sampler evaluates", arguments: ["Heun", "PLMS"])
    func steps(_ sampler: String) throws {
        let request = Self.request { ($0.steps, $0.sampler, $0.count, $0.seeding) = (3, sampler, 2, .each) }
        let job = try queue().submit(task(request, shapes.engine.variant("shapes")))
        let changes = job.changes()
        var steps: [Int] = []
        while true {
            let status = try #require(changes.next(within: 120))
            if status.isFinished { break }
            if case .running(let progress) = status.state {
                #expect(progress.steps == 3)
                steps.append(progress.step)
            }
        }
        #expect(!steps.isEmpty && steps == steps.sorted())
        #expect(steps.allSatisfy { (0...3).contains($0) }, "\(steps)")
    }

    // MARK: Which variant

    @Test("A job draws with what its route meant when it was submitted, however often the route changes meanwhile")
    func queuedWhileRouteChanges() throws {
        let gate = DispatchSemaphore(value: 0)
        let queue = queue(gate: gate)
        var jobs: [(job: DrawingJob, variant: Variant)] = []
        for round in 0..<6 {
            try shapes.point("live", to: round.isMultiple(of: 2) ? "shapes+pastel" : "shapes+outline:0.8")
            let variant = try pick("live")
            jobs.append((try queue.submit(task(Self.request(), variant)), variant))
        }
        #expect(queue.waitingCount == 5)
        for _ in jobs { gate.signal() }
        var expected: [String: [DrawnPicture]] = [:]
        for (job, variant) in jobs {
            if expected[variant.id] == nil { expected[variant.id] = try drawn(variant) }
            #expect(try pictures(job) == expected[variant.id])
        }
        #expect(expected.count == 2 && Set(expected.values).count == 2)
    }

    @Test("While a route goes back and forth, every picture is whole one variant's or the other's")
    func routeUnderSwap() throws {
        let queue = queue(concurrency: 2)
        let models = ["shapes+pastel", "shapes+outline:0.8"]
        let request = Self.request { $0.steps = 3 }
        var expected: [String: [DrawnPicture]] = [:]
        for model in models {
            let variant = try shapes.engine.variant(model)
            expected[variant.id] = try drawn(variant, request)
        }
        try shapes.point("live", to: models[0])
        let isOver = Atomic(false)
        let swaps = Atomic(0)
        let failures = Mutex<[String]>([])
        let swapper = DispatchGroup()
        DispatchQueue.global().async(group: swapper) { [shapes] in
            while !isOver.load(ordering: .relaxed) {
                let count = swaps.wrappingAdd(1, ordering: .relaxed).newValue
                do { try shapes.point("live", to: models[count % 2]) } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
        }
        defer { isOver.store(true, ordering: .relaxed) }
        var seen: Set<String> = []
        var drawings = 0
        while drawings < 24 || seen.count < 2 && drawings < 200 {
            let jobs = try (0..<4).map { _ in
                let variant = try pick("live")
                return (try queue.submit(task(request, variant)), variant.id)
            }
            for (job, id) in jobs {
                #expect(try pictures(job) == expected[id])
                seen.insert(id)
                drawings += 1
            }
        }
        isOver.store(true, ordering: .relaxed)
        swapper.wait()
        #expect(seen == Set(expected.keys))
        #expect(swaps.load(ordering: .relaxed) > 2)
        #expect(failures.withLock { $0 } == [])
    }

    @Test("A job in the queue keeps the adapter it was submitted with, replaced or deleted meanwhile")
    func adapterChanges() throws {
        let engine = shapes.engine
        let expected = (
            pastel: try drawn(engine.variant("shapes+pastel")), outline: try drawn(engine.variant("shapes+outline"))
        )
        let gate = DispatchSemaphore(value: 0)
        let queue = queue(gate: gate)
        try shapes.put("lora-te-pastel", as: "ink")
        let first = try queue.submit(task(Self.request(), engine.variant("shapes+ink")))
        let second = try queue.submit(task(Self.request(), engine.variant("shapes+ink")))
        try shapes.put("locon-outline", as: "ink")
        let third = try queue.submit(task(Self.request(), engine.variant("shapes+ink")))
        for name in ["ink", "pastel", "outline"] { try shapes.remove(name) }
        #expect(throws: (any Error).self) { try engine.variant("shapes+ink") }
        for _ in 0..<3 { gate.signal() }
        #expect(try pictures(first) == expected.pastel)
        #expect(try pictures(second) == expected.pastel)
        #expect(try pictures(third) == expected.outline)
        #expect(expected.pastel != expected.outline)
    }

    private func pick(_ route: String) throws -> Variant {
        let live = try #require(shapes.engine.traffic.route(route))
        return try shapes.engine.pick(live, key: nil).variant
    }

    // MARK: Sharing

    @Test("The cells of a sweep share texts where the text encoders are the same, and are the pictures drawn alone")
    func shared() throws {
        let engine = shapes.engine
        // The outline changes the U-Net alone, pastel text encoder and U-Net.
        let models: [(text: String, texts: Int)] = [
            ("shapes", 2), ("shapes+outline:0.5", 2), ("shapes+outline", 2), ("shapes+pastel", 4),
            ("shapes+pastel+outline:0.3", 4), ("shapes+pastel:0.5", 6), ("shapes+pastel:0.7:te=0", 6),
            ("shapes+pastel:0.7:te=0.5", 6),
        ]
        let share = DrawingShare()
        for model in models {
            let variant = try engine.variant(model.text)
            for guidance in [3.0, 6] {
                let request = Self.request { $0.guidance = guidance }
                let together = try shapes.painter.draw(
                    request, with: SteppedModel(variant), sharing: share, checkpoint: { () throws(ModelError) in },
                    progress: { (_) throws(ModelError) in })
                #expect(try together == drawn(variant, request), "\(model.text)")
            }
            #expect(share.counts == .init(texts: model.texts, noises: 1), "\(model.text)")
        }
    }

    @Test("The drawings of a job share, those of two jobs do not")
    func sharedWithinJob() throws {
        let painter = StandInPainter()
        let queue = DrawingQueue(painter: painter) { _ in }
        let base = try shapes.engine.variant("shapes")
        for _ in 0..<2 { _ = try end(of: queue.submit(task(Self.request(), base, base, base))) }
        let shares = painter.shares.map { ObjectIdentifier($0) }
        #expect(shares.count == 6 && Set(shares[..<3]).count == 1 && Set(shares[3...]).count == 1)
        #expect(shares[0] != shares[3])
    }
}
