import Synchronization
import Testing
import UmbelFormats
import UmbelModels
import UmbelTensor

/// Whole runs whose prompts have the word of an embedding of two vectors, against diffusers' own.
@Suite("Prompts with a trained word draw what diffusers draws")
struct InversionRunTests {
    struct Run: Sendable, CustomTestStringConvertible {
        let name: String
        let settings: JSON

        var isLarge: Bool { name.hasPrefix("sdxl") }
        var testDescription: String { name }
    }

    private static let folder = TestFiles.drawing + "/inversions"

    static let runs: [Run] = {
        guard let file = try? ComponentFiles.json("runs.json", in: folder), let list = file["runs"]?.array else {
            return []
        }
        return list.compactMap { item in item["name"]?.string.map { Run(name: $0, settings: item) } }
    }()

    private let pool = ComputePool(threads: 2)

    @Test("The runs are there")
    func runsAreThere() { #expect(Self.runs.count == 4) }

    @Test("The latents are diffusers', by the token and by the name it is kept under", arguments: runs)
    func latents(_ run: Run) throws {
        let golden = try Golden("\(Self.folder)/\(run.name).safetensors")
        let path = run.isLarge ? TestFiles.drawing + "/sdxl-tiny" : TestFiles.shapes
        let pipeline = try TinyPipeline(path: path)
        let (parts, networks) = (pipeline.parts, pipeline.networks)
        var request = try request(run)
        let byToken = try draw(request, [try inversion(run)], parts, networks)
        for (index, latents) in byToken.enumerated() {
            try golden.compare(latents, "latents_after_step\(index)", limit: 1e-3)
        }
        #expect(byToken.count == run.settings["num_inference_steps"]?.integer)
        request.prompt = request.prompt.replacing("<ink-style>", with: "ink")
        #expect(try draw(request, [try inversion(run)], parts, networks) == byToken)
        #expect(try draw(request, [], parts, networks) != byToken)
    }

    private func draw(
        _ request: DrawingRequest, _ inversions: [TextualInversion], _ parts: DiffusionParts,
        _ networks: DiffusionNetworks
    ) throws -> [[Float]] {
        let steps = Mutex<[[Float]]>([])
        _ = try StableDiffusion(parts.pipeline, pool: pool).draw(
            request, embeddings: inversions, networks: { _ in networks },
            progress: { progress in if !progress.latents.isEmpty { steps.withLock { $0.append(progress.latents) } } })
        return steps.withLock { $0 }
    }

    private func inversion(_ run: Run) throws -> TextualInversion {
        let file = try SafetensorsFile(path: "\(Self.folder)/\(run.isLarge ? "ink-xl" : "ink").safetensors")
        let keys = run.isLarge ? ["clip_l", "clip_g"] : ["<ink-style>"]
        let tensors = try keys.map { (key: $0, view: try #require(file.view($0))) }
        return try TextualInversion(tensors, name: "ink", token: "<ink-style>")
    }

    private func request(_ run: Run) throws -> DrawingRequest {
        var request = DrawingRequest()
        request.emphasis = .none
        request.prompt = try #require(run.settings["prompt"]?.string)
        request.negativePrompt = try #require(run.settings["negative_prompt"]?.string)
        request.width = run.settings["width"]?.integer
        request.height = run.settings["height"]?.integer
        request.seed = UInt64(try #require(run.settings["seed"]?.integer))
        request.steps = try #require(run.settings["num_inference_steps"]?.integer)
        request.guidance = try #require(run.settings["guidance_scale"]?.double)
        return request
    }
}
