import Foundation
import Synchronization
import Testing
import UmbelEngine
import UmbelFormats
import UmbelModels
import UmbelTesting

/// Merged and applied strength give the same picture: PEFT computes y = W x + s·B(A x) beside every layer while diffusers draws
/// (`Tests/DrawingFixtures/unmerged.py`), and here the weights are merged before anything is drawn.
@Suite("Drawings with adapters that are not merged")
struct UnmergedDrawingTests {
    struct Run: Decodable, Sendable, CustomTestStringConvertible {
        struct Use: Decodable, Sendable {
            let adapter: String
            let unet: Double
            let text_encoder: Double?
        }

        let name: String
        let prompt: String
        let seed: UInt64
        let num_inference_steps: Int
        let guidance_scale: Double
        let adapters: [Use]

        var testDescription: String { name }

        /// The model with every adapter at its strengths.
        var reference: String {
            adapters.reduce("shapes") { text, use in
                "\(text)+\(use.adapter):\(use.unet)" + (use.text_encoder.map { ":te=\($0)" } ?? "")
            }
        }

        /// As diffusers' pipeline takes it.
        var request: DrawingRequest {
            var request = DrawingRequest()
            (request.prompt, request.seed, request.emphasis) = (prompt, seed, .none)
            (request.steps, request.guidance) = (num_inference_steps, guidance_scale)
            return request
        }
    }

    private struct Runs: Decodable {
        let runs: [Run]
    }

    private static let folder = Goldens.folder.replacing("Goldens", with: "DrawingFixtures/unmerged")

    static let runs: [Run] = {
        let file = try? Data(contentsOf: URL(filePath: "\(folder)/runs.json"))
        return file.flatMap { try? JSONDecoder().decode(Runs.self, from: $0) }?.runs ?? []
    }()

    @Test("The runs are there, with different strengths for U-Net and text encoder")
    func runsAreThere() {
        #expect(Self.runs.count == 6)
        #expect(Self.runs.contains { $0.adapters.contains { $0.text_encoder ?? $0.unet != $0.unet } })
    }

    @Test("A picture with merged weights is the picture with adapters beside the weights", arguments: runs)
    func merged(_ run: Run) throws {
        let shapes = try ShapesEngine()
        for use in run.adapters { try shapes.put(use.adapter, as: use.adapter) }
        let last = Mutex<[Float]>([])
        _ = try shapes.painter.draw(
            run.request, with: SteppedModel(shapes.engine.variant(run.reference)), sharing: DrawingShare(),
            checkpoint: { () throws(ModelError) in },
            progress: { (progress) throws(ModelError) in last.withLock { $0 = progress.latents } })
        let golden = try SafetensorsFile(path: "\(Self.folder)/\(run.name).safetensors")
        let expected = try #require(golden.view("latents_final")).values()
        let latents = last.withLock { $0 }
        try #require(latents.count == expected.count)
        let distance = zip(latents, expected).map { abs($0 - $1) }.max() ?? .infinity
        #expect(distance < 1e-3)
    }
}
