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
        var golden: String { "\(TestFiles.drawing)/\(model)/goldens/\(name).safetensors" }
        /// The same run in float64, where that matters: the first sigma of these schedules is 4096, and diffusers' step from
        /// there loses the last bits of numbers of that size. Ours does not.
        var exactGolden: String? {
            name.hasPrefix("scheduler-euler") && name.hasSuffix("-zero")
                ? "\(TestFiles.drawing)/\(model)/goldens/exact/\(name).safetensors" : nil
        }
    }

    static let runs: [Run] = ["sd2-tiny", "sdxl-tiny"].flatMap { model -> [Run] in
        let path = "\(TestFiles.drawing)/\(model)/goldens/runs.json"
        // Python writes infinities, which are the defaults where they stand.
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            let list = try? JSON(parsing: Array(text.replacing("-Infinity", with: "null").utf8))["runs"]?.array
        else { return [] }
        return list.compactMap { item in
            item["name"]?.string.map { Run(model: model, name: $0, settings: item) }
        }
    }

    private let pool = ComputePool(threads: 2)

    @Test("The runs are there")
    func runsAreThere() { #expect(Self.runs.count == 43) }

    @Test("A run has diffusers' latents after every step", arguments: runs)
    func latents(_ run: Run) throws {
        let golden = try Golden(run.golden)
        let exact = try run.exactGolden.map { try Golden($0) }
        let schedule = try #require(run.settings["scheduler"])
        let fields = Dictionary(uniqueKeysWithValues: try #require(schedule.members).map { ($0.name, $0.value) })
        let config = ScheduleConfig(className: try #require(schedule["_class_name"]?.string), fields: fields)
        let pipeline = try TinyPipeline(run.model, schedule: config)
        let steps = Mutex<[[Float]]>([])
        _ = try StableDiffusion(pipeline.parts.pipeline, pool: pool).draw(
            try request(run, golden), networks: { _ in pipeline.networks },
            progress: { progress in if !progress.latents.isEmpty { steps.withLock { $0.append(progress.latents) } } })
        let drawn = steps.withLock { $0 }
        var compared = 0
        for (index, latents) in drawn.enumerated() where golden.has("latents_after_step\(index)") {
            let name = "latents_after_step\(index)"
            let theirs = try golden.numbers(name)
            let expected = try exact?.numbers(name) ?? theirs
            let largest = expected.map { abs($0) }.max() ?? 0
            let distance = Self.distance(latents.map(Double.init), expected)
            #expect(distance < 1e-3 * max(1, largest), "step \(index): \(distance)")
            if exact != nil {
                let theirDistance = Self.distance(theirs, expected)
                #expect(distance < theirDistance, "step \(index): \(distance), theirs \(theirDistance)")
            }
            compared += 1
        }
        #expect(compared > 0)
        #expect(!golden.has("latents_after_step\(drawn.count)"))
    }

    /// The largest difference; infinite for another number of numbers.
    private static func distance(_ a: [Double], _ b: [Double]) -> Double {
        a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
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
        request.secondPrompt = settings["prompt_2"]?.string
        request.secondNegativePrompt = settings["negative_prompt_2"]?.string
        request.sizes = sizes(settings, "")
        request.negativeSizes = sizes(settings, "negative_")
        guard let strength = settings["strength"]?.double else { return request }
        let pixels = try golden.numbers("picture").map { UInt8($0) }
        let mask = golden.has("mask") ? try golden.numbers("mask").map { UInt8($0) } : nil
        request.start = DrawingRequest.Start(pixels: pixels, strength: strength, mask: mask)
        return request
    }

    /// Height before width, as everywhere here.
    private func sizes(_ settings: JSON, _ prefix: String) -> DrawingRequest.Sizes? {
        func pair(_ name: String) -> (Int, Int)? {
            guard let values = settings[prefix + name]?.array?.compactMap(\.integer), values.count == 2 else {
                return nil
            }
            return (values[0], values[1])
        }
        guard let original = pair("original_size"), let target = pair("target_size") else { return nil }
        var sizes = DrawingRequest.Sizes()
        sizes.original = .init(height: original.0, width: original.1)
        (sizes.top, sizes.left) = pair("crops_coords_top_left") ?? (0, 0)
        sizes.target = .init(height: target.0, width: target.1)
        return sizes
    }
}
