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
}
