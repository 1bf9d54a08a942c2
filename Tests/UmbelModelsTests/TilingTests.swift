import Testing
import UmbelFormats
import UmbelModels
import UmbelTensor

@Suite("Large pictures in tiles")
struct TilingTests {
    let pool = ComputePool(threads: 2)

    private var golden: Golden {
        get throws { try Golden(TestFiles.root + "/Tests/UmbelModelsTests/Fixtures/tiling.safetensors") }
    }

    @Test("Tiles overlap and are blended as in diffusers", arguments: ["a", "b"])
    func agrees(name: String) throws {
        let model = try ComponentFiles.autoencoder(TestFiles.shapes + "/vae")
        let tiling = model.tiling(pictureSize: 16)
        let pass = ForwardPass(pool: pool)
        let latents = try model.encode(golden.map("\(name).pixels"), tiling: tiling, pass)
        try golden.compare(latents.mean, "\(name).mean", limit: 1e-4)
        let picture = try model.decode(golden.map("\(name).mean"), tiling: tiling, pass)
        try golden.compare(picture, "\(name).decoded", limit: 1e-3)
    }

    @Test("What fits into a tile is computed as a whole")
    func small() throws {
        let model = try ComponentFiles.autoencoder(TestFiles.shapes + "/vae")
        let latents = try golden.map("a.mean")
        let pass = ForwardPass(pool: pool)
        let whole = try model.decode(latents, pass)
        #expect(try model.decode(latents, tiling: model.tiling(), pass).values.values == whole.values.values)
        #expect(model.tiling().latentSize == 16)
    }

    @Test("A tile has a size of which a quarter is whole", arguments: [(1, 4), (16, 4), (17, 8), (64, 16)])
    func sizes(pictureSize: Int, latentSize: Int) {
        #expect(Tiling(pictureSize: pictureSize, reduction: 4).latentSize == latentSize)
    }

    /// As in Stable Diffusion and SDXL.
    private func large(sampleSize: Int) -> VAEConfiguration {
        var configuration = VAEConfiguration()
        configuration.channels = [128, 256, 512, 512]
        configuration.sampleSize = sampleSize
        return configuration
    }

    @Test("What a whole picture takes is that of three maps of the widest resnet")
    func activations() {
        // 256 channels come into the last level, at the size of the picture.
        #expect(large(sampleSize: 512).activationBytes(height: 1024, width: 512) == 4 * 256 * 1024 * 512 * 4)
        #expect(large(sampleSize: 512).activationBytes(height: 1024, width: 1024) <= StableDiffusion.autoencoderBytes)
        #expect(large(sampleSize: 512).activationBytes(height: 2048, width: 1024) > StableDiffusion.autoencoderBytes)
    }

    @Test("Tiles are chosen only where memory is short, and are as large as it allows")
    func chosen() throws {
        let model = try ComponentFiles.autoencoder(TestFiles.shapes + "/vae")
        let whole = model.configuration.activationBytes(height: 96, width: 96)
        #expect(model.tiling(height: 96, width: 96, within: whole) == nil)
        #expect(model.tiling(height: 96, width: 96, within: whole - 1) == model.tiling())
        #expect(model.tiling(height: 96, width: 96, within: 0) == model.tiling())
        #expect(large(sampleSize: 1024).tileSide(within: 4 << 30) == 1024)
        #expect(large(sampleSize: 1024).tileSide(within: 2 << 30) == 512)
        #expect(large(sampleSize: 1024).tileSide(within: 0) == 256)
    }

    @Test("A drawing decodes, and encodes the picture it begins from, in tiles where memory is short")
    func drawn() throws {
        let folder = FolderOnDisk(path: TestFiles.shapes)
        let parts = try DiffusionParts(folder)
        let sources = try ["text_encoder", "unet", "vae"].reduce(into: [String: TensorsByName]()) {
            $0[$1] = try ComponentFiles.weights(in: "\(folder.path)/\($1)")
        }
        let networks = try parts.networks { sources[$0] ?? TensorsByName([:]) }
        var request = DrawingRequest()
        (request.width, request.height, request.steps, request.seed) = (96, 80, 2, 1)
        func pixels(_ bytes: Int) throws -> [UInt8] {
            let drawer = StableDiffusion(parts.pipeline, pool: pool, autoencoderBytes: bytes)
            let drawn = try drawer.draw(request, networks: { _ in networks }, progress: { _ in })
            return try #require(drawn.first).pixels
        }
        func distance(_ a: [UInt8], _ b: [UInt8]) -> Double {
            Double(zip(a, b).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }) / Double(a.count)
        }
        let whole = try pixels(StableDiffusion.autoencoderBytes)
        let tiled = try pixels(1 << 20)
        #expect(whole.count == tiled.count && distance(whole, tiled) > 0 && distance(whole, tiled) < 16)
        // With next to no steps left the picture is what encoding and decoding make of it.
        request.start = DrawingRequest.Start(pixels: whole, strength: 0.5)
        let again = try pixels(1 << 20)
        #expect(try pixels(StableDiffusion.autoencoderBytes) != again)
    }
}
