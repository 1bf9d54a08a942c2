import Synchronization
import Testing
import UmbelModels
import UmbelTensor

/// What the drawings of a job have in common is made once, and no picture is another one for that.
@Suite("Drawings share what they have in common")
struct DrawingShareTests {
    static let models = ["sd2-tiny", "sdxl-tiny"]

    private let pool = ComputePool(threads: 2)

    private static func request(_ change: (inout DrawingRequest) -> Void = { _ in }) -> DrawingRequest {
        var request = DrawingRequest()
        (request.prompt, request.negativePrompt) = ("a (red:1.3) star", "dark")
        (request.width, request.height, request.steps, request.seed) = (32, 32, 2, 5)
        change(&request)
        return request
    }

    private func draw(
        _ request: DrawingRequest, _ pipeline: TinyPipeline, _ share: DrawingShare
    ) throws -> [DrawnPicture] {
        try StableDiffusion(pipeline.parts.pipeline, pool: pool).draw(
            request, networks: { _ in pipeline.networks }, sharing: share, progress: { _ in })
    }

    @Test("A grid over guidance, steps and samplers encodes each text and draws its noise once", arguments: models)
    func grid(_ model: String) throws {
        let pipeline = try TinyPipeline(model, textWeights: "base")
        let share = DrawingShare()
        for guidance in [1, 3, 7.5] {
            // Ancestral samplers go on with the noise behind what is shared.
            for (steps, sampler) in [(2, "Euler"), (3, "Euler a"), (2, "LCM")] {
                let request = Self.request {
                    ($0.guidance, $0.steps, $0.sampler) = (guidance, steps, sampler)
                }
                let alone = try draw(request, pipeline, DrawingShare())
                #expect(try draw(request, pipeline, share) == alone, "\(guidance) \(sampler)")
            }
        }
        #expect(share.counts == .init(texts: 2, noises: 1))
    }

    @Test("The pictures of one drawing share their texts", arguments: models)
    func batches(_ model: String) throws {
        let pipeline = try TinyPipeline(model)
        let share = DrawingShare()
        let pictures = try draw(Self.request { ($0.count, $0.seeding) = (3, .each) }, pipeline, share)
        #expect(share.counts == .init(texts: 2, noises: 3))
        for index in 0..<3 {
            let alone = try draw(Self.request { $0.seed += UInt64(index) }, pipeline, DrawingShare())
            #expect([pictures[index]] == alone)
        }
    }

    struct Difference {
        let what: String
        let texts: Int
        let noises: Int
        let change: @Sendable (inout DrawingRequest) -> Void
    }

    static let differences = [
        Difference(what: "seed", texts: 2, noises: 2) { $0.seed = 6 },
        Difference(what: "size", texts: 2, noises: 2) { $0.width = 64 },
        Difference(what: "number of pictures", texts: 2, noises: 2) { $0.count = 2 },
        Difference(what: "source of noise", texts: 2, noises: 2) { $0.noise = .gpu },
        Difference(what: "prompt", texts: 3, noises: 1) { $0.prompt = "a blue star" },
        Difference(what: "chunks", texts: 4, noises: 1) { $0.prompt = "a BREAK b" },
        Difference(what: "clip skip", texts: 4, noises: 1) { $0.clipSkip = 1 },
        Difference(what: "emphasis", texts: 4, noises: 1) { $0.emphasis = .noNormalization },
    ]

    @Test("What differs is not shared", arguments: differences.indices)
    func unshared(_ index: Int) throws {
        let difference = Self.differences[index]
        let pipeline = try TinyPipeline("sd2-tiny", textWeights: "base")
        let share = DrawingShare()
        _ = try draw(Self.request(), pipeline, share)
        let request = Self.request(difference.change)
        #expect(try draw(request, pipeline, share) == draw(request, pipeline, DrawingShare()))
        #expect(share.counts == .init(texts: difference.texts, noises: difference.noises), "\(difference.what)")
    }

    @Test("Texts are shared by networks whose text encoders are said to be the same, and by no others")
    func encoders() throws {
        let names: [String?] = ["base", "base", "other", nil, nil]
        let share = DrawingShare()
        for name in names { _ = try draw(Self.request(), try TinyPipeline("sd2-tiny", textWeights: name), share) }
        #expect(share.counts == .init(texts: 8, noises: 1))
    }

    @Test("A drawing can be ended between any two parts of its networks", arguments: models)
    func checkpoints(_ model: String) throws {
        let pipeline = try TinyPipeline(model)
        let calls = Mutex(0)
        let steps = Mutex<[Int]>([])
        func draw(endingAt end: Int) throws {
            calls.withLock { $0 = 0 }
            steps.withLock { $0 = [] }
            _ = try StableDiffusion(pipeline.parts.pipeline, pool: pool).draw(
                Self.request { ($0.count, $0.seeding) = (2, .each) }, networks: { _ in pipeline.networks },
                checkpoint: { () throws(ModelError) in
                    let count = calls.withLock { calls in
                        calls += 1
                        return calls
                    }
                    if count >= end { throw .cancelled }
                }, progress: { progress in steps.withLock { $0.append(progress.step) } })
        }
        try draw(endingAt: .max)
        let all = calls.withLock { $0 }
        #expect(steps.withLock { $0 } == [0, 1, 2, 2, 3, 4], "steps never go back")
        #expect(all > 50)
        for end in stride(from: 1, through: all, by: max(1, all / 12)) + [all] {
            #expect(throws: ModelError.cancelled) { try draw(endingAt: end) }
            #expect(calls.withLock { $0 } == end, "nothing went on")
        }
        try draw(endingAt: all + 1)
    }
}
