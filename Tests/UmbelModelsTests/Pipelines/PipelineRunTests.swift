import Foundation
import Synchronization
import Testing
import UmbelFormats
import UmbelModels
import UmbelTensor

/// Whole runs of the tiny pipelines of random weights against diffusers' own: every scheduler with v-prediction, pictures
/// and masks to begin from, clip skip, sizes that are no squares, several pictures of one generator.
@Suite("Pipelines draw what diffusers draws")
struct PipelineRunTests {
    struct Run: Sendable, CustomTestStringConvertible {
        let model: String
        let name: String
        let settings: JSON

        var testDescription: String { "\(model) \(name)" }
        /// Of the largest number. Sigmas that begin without any signal are some 4,000 there, and the first sample is noise times
        /// that: the last bit of its numbers counts 4,000 times as much.
        var tolerance: Double { name.hasPrefix("scheduler-euler") && name.hasSuffix("-zero") ? 1e-2 : 1e-3 }
        var golden: String { "\(TestFiles.drawing)/\(model)/goldens/\(name).safetensors" }
    }

    /// What a request has no fields for: a text for each encoder, and sizes other than the picture's.
    static let notAskedFor: Set<String> = ["second-prompt", "sizes", "sizes-negative"]

    static let runs: [Run] = ["sd2-tiny", "sdxl-tiny"].flatMap { model -> [Run] in
        let path = "\(TestFiles.drawing)/\(model)/goldens/runs.json"
        // Python writes infinities, which are the defaults where they stand.
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            let list = try? JSON(parsing: Array(text.replacing("-Infinity", with: "null").utf8))["runs"]?.array
        else { return [] }
        return list.compactMap { item in
            item["name"]?.string.map { Run(model: model, name: $0, settings: item) }
        }.filter { !notAskedFor.contains($0.name) }
    }

    private let pool = ComputePool(threads: 2)

    @Test("The runs are there")
    func runsAreThere() { #expect(Self.runs.count == 40) }

    @Test("A run has diffusers' latents after every step", arguments: runs)
    func latents(_ run: Run) throws {
        let golden = try Golden(run.golden)
        let schedule = try #require(run.settings["scheduler"])
        let fields = Dictionary(uniqueKeysWithValues: try #require(schedule.members).map { ($0.name, $0.value) })
        let config = ScheduleConfig(className: try #require(schedule["_class_name"]?.string), fields: fields)
        let folder = FolderOnDisk(path: "\(TestFiles.drawing)/\(run.model)")
        let parts = try DiffusionParts(folder, schedule: config)
        var sources: [String: TensorsByName] = [:]
        for component in ["text_encoder", "text_encoder_2", "unet", "vae"] {
            let path = "\(folder.path)/\(component)"
            guard FileManager.default.fileExists(atPath: path) else { continue }
            sources[component] = try ComponentFiles.weights(in: path)
        }
        let networks = try parts.networks { sources[$0] ?? TensorsByName([:]) }
        let steps = Mutex<[[Float]]>([])
        _ = try StableDiffusion(parts.pipeline, pool: pool).draw(
            try request(run, golden), networks: { _ in networks },
            progress: { progress in if !progress.latents.isEmpty { steps.withLock { $0.append(progress.latents) } } })
        let drawn = steps.withLock { $0 }
        var compared = 0
        for (index, latents) in drawn.enumerated() where golden.has("latents_after_step\(index)") {
            let expected = try golden.numbers("latents_after_step\(index)")
            let distance = zip(latents, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
            let largest = expected.map { abs($0) }.max() ?? 0
            #expect(
                latents.count == expected.count && distance < run.tolerance * max(1, largest),
                "step \(index): \(distance)")
            compared += 1
        }
        #expect(compared > 0)
        #expect(!golden.has("latents_after_step\(drawn.count)"))
    }

    private func request(_ run: Run, _ golden: Golden) throws -> DrawingRequest {
        let settings = run.settings
        var request = DrawingRequest()
        request.emphasis = .none
        request.prompt = try #require(settings["prompt"]?.string)
        request.negativePrompt = settings["negative_prompt"]?.string ?? ""
        request.width = settings["width"]?.integer
        request.height = settings["height"]?.integer
        request.seed = UInt64(try #require(settings["seed"]?.integer))
        request.steps = try #require(settings["num_inference_steps"]?.integer)
        request.guidance = try #require(settings["guidance_scale"]?.double)
        request.guidanceRescale = settings["guidance_rescale"]?.double ?? 0
        request.clipSkip = settings["clip_skip"]?.integer ?? 0
        request.eta = settings["eta"]?.double ?? 0
        request.count = settings["num_images_per_prompt"]?.integer ?? 1
        guard let strength = settings["strength"]?.double else { return request }
        let pixels = try golden.numbers("picture").map { UInt8($0) }
        let mask = golden.has("mask") ? try golden.numbers("mask").map { UInt8($0) } : nil
        request.start = DrawingRequest.Start(pixels: pixels, strength: strength, mask: mask)
        return request
    }
}
