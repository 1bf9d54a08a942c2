import Synchronization
import Testing
import UmbelFormats
import UmbelModels
import UmbelTensor

@Suite("What products are computed in")
struct ComputeTypeTests {
    let pool = ComputePool(threads: 2)

    private func unet(_ folder: String, _ type: ComputeType) throws -> UNet {
        try UNet(
            UNetConfiguration(ComponentFiles.json("config.json", in: folder)),
            Weights(ComponentFiles.weights(in: folder), computeType: type))
    }

    /// √ of the mean square of the difference.
    private func distance(_ found: [Float], _ expected: [Float]) -> Double {
        let squares = zip(found, expected).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
        return found.count == expected.count ? (squares / Double(max(1, found.count))).squareRoot() : .infinity
    }

    @Test("In bf16 the trained U-Net is no further from f32 than diffusers' is in bf16")
    func againstDiffusers() throws {
        let golden = try Golden(TestFiles.root + "/Tests/UmbelModelsTests/Fixtures/bf16.safetensors")
        let input = UNetInput(
            sample: try golden.map("sample"), times: try golden.numbers("times").map { Float($0) },
            context: try golden.matrix("context"))
        let exact = try golden.map("f32").planes()
        let theirs = distance(try golden.map("bf16").planes(), exact)
        let pass = ForwardPass(pool: pool)
        let ours = distance(try unet(TestFiles.shapes + "/unet", .bf16)(input, pass).planes(), exact)
        // bf16 has 8 digits: it is seen that this is not f32.
        #expect(ours > 1e-4)
        #expect(ours < theirs, "\(ours), diffusers \(theirs)")
        #expect(distance(try unet(TestFiles.shapes + "/unet", .f32)(input, pass).planes(), exact) < 1e-5)
    }

    @Test("The vector of the time is the same in bf16", arguments: ["sd2-tiny", "sdxl-tiny"])
    func time(model: String) throws {
        let golden = try Golden(TestFiles.drawing + "/\(model)/goldens/probe.safetensors")
        let sample = try golden.map("unet.sample")
        var conditions = UNet.Conditions(context: try golden.matrix("unet.context"))
        if golden.has("unet.text_embeds") {
            conditions.pooledText = golden.lists("unet.text_embeds")
            conditions.numbers = golden.lists("unet.time_ids")
        }
        let parts = ["time_embedding", "add_embedding"]
        let seen = try [ComputeType.f32, .bf16].map { type in
            var outputs: [[Float]] = []
            let pass = ForwardPass(pool: pool) { part, output throws(ModelError) in
                if parts.contains(part) { outputs.append(output.values.values) }
            }
            _ = try unet(TestFiles.drawing + "/\(model)/unet", type)(sample, timestep: 7, conditions, pass)
            return outputs
        }
        #expect(!seen[0].isEmpty && seen[0] == seen[1])
    }

    @Test("Only the U-Net of a pipeline is computed in bf16")
    func pipeline() throws {
        let folder = FolderOnDisk(path: TestFiles.shapes)
        let parts = try DiffusionParts(folder)
        let pictures = try [ComputeType.f32, .bf16].map { type in
            let sources = try ["text_encoder", "unet", "vae"].reduce(into: [String: TensorsByName]()) {
                $0[$1] = try ComponentFiles.weights(in: "\(folder.path)/\($1)")
            }
            let networks = try parts.networks(computeType: type) { sources[$0] ?? TensorsByName([:]) }
            let ids = [Array(1...16)]
            let text = try networks.textEncoders[0](ids, ForwardPass(pool: pool)).last.values
            let latents = FeatureMap(batch: 1, height: 4, width: 4, Matrix(rows: 16, columns: 4, repeating: 0.5))
            let decoded = try networks.vae.decode(latents, ForwardPass(pool: pool)).values.values
            var request = DrawingRequest()
            request.prompt = "a red circle"
            request.steps = 8
            request.seed = 1
            let drawn = try StableDiffusion(parts.pipeline, pool: pool).draw(
                request, networks: { _ in networks }, progress: { _ in })
            return (text: text, decoded: decoded, pixels: try #require(drawn.first).pixels)
        }
        #expect(pictures[0].text == pictures[1].text && pictures[0].decoded == pictures[1].decoded)
        let levels = zip(pictures[0].pixels, pictures[1].pixels).map { abs(Int($0) - Int($1)) }
        let mean = Double(levels.reduce(0, +)) / Double(levels.count)
        #expect(mean > 0 && mean < 2, "\(mean) levels in the mean, \(levels.max() ?? 0) at most")
    }

    @Test("A type is chosen by its name or by the processor")
    func names() {
        #expect(ComputeType(setting: "f32") == .f32)
        #expect(ComputeType(setting: "bf16") == .bf16)
        #expect(ComputeType(setting: "auto") == (KernelSet.chosen == "avx512_bf16" ? .bf16 : .f32))
        #expect(ComputeType(setting: "f16") == nil)
    }
}
