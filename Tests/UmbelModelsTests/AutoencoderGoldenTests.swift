import Testing
import UmbelFormats
import UmbelModels
import UmbelTensor

@Suite("Autoencoders agree with diffusers")
struct AutoencoderGoldenTests {
    let pool = ComputePool(threads: 2)
    let limit: Float = 1e-4
    /// Of pictures.
    let pictureLimit: Float = 1e-3

    @Test("The trained pipeline's")
    func trained() throws {
        try check(ComponentFiles.autoencoder(TestFiles.shapes + "/vae"), Golden(TestFiles.shapesProbe), parts: 4)
    }

    @Test("Those of pipelines like Stable Diffusion 2 and XL", arguments: ["sd2-tiny", "sdxl-tiny"])
    func pipelines(name: String) throws {
        let folder = TestFiles.drawing + "/" + name
        try check(
            ComponentFiles.autoencoder(folder + "/vae"), Golden(folder + "/goldens/probe.safetensors"), parts: 2)
    }

    @Test("With each option", arguments: ["no-attention", "no-quant", "latent-statistics", "old-names", "two-layers"])
    func options(name: String) throws {
        let folder = TestFiles.drawing + "/vaes/" + name
        let model = try ComponentFiles.autoencoder(folder)
        let golden = try Golden(folder + "/golden.safetensors")
        try check(model, golden, parts: 2)
        let scaling = model.configuration.scaling
        let mean = try golden.map("vae.mean")
        let normal = scaling.forNetwork(mean)
        try golden.compare(normal, "vae.normalised_mean", limit: limit)
        try golden.compare(scaling.forDecoder(normal), "vae.mean", limit: limit)
    }

    @Test("A sample is the mean and as much noise as the variance says")
    func sample() throws {
        let model = try ComponentFiles.autoencoder(TestFiles.shapes + "/vae")
        let golden = try Golden(TestFiles.shapesProbe)
        let latents = try model.encode(golden.map("vae.pixels"), ForwardPass(pool: pool))
        let noise = latents.mean.with(Matrix(rows: latents.mean.values.rows, columns: 4, repeating: 2))
        let sample = latents.sample(noise: noise).values.values
        let deviations = latents.logVariance.values.values
        for (index, mean) in latents.mean.values.values.enumerated() {
            let squared = (sample[index] - mean) * (sample[index] - mean) / 4
            #expect(abs(squared / exponential(deviations[index]) - 1) < 0.01 || squared < 1e-9)
        }
    }

    @Test("Pictures of sizes that do not fit the latents are refused")
    func sizes() throws {
        let model = try ComponentFiles.autoencoder(TestFiles.shapes + "/vae")
        let odd = FeatureMap(batch: 1, height: 10, width: 8, Matrix(rows: 80, columns: 3, repeating: 0))
        #expect(throws: ModelError.missingInput("image")) { try model.encode(odd, ForwardPass(pool: pool)) }
        let flat = FeatureMap(batch: 1, height: 2, width: 2, Matrix(rows: 4, columns: 3, repeating: 0))
        #expect(throws: ModelError.missingInput("latents")) { try model.decode(flat, ForwardPass(pool: pool)) }
    }

    @Test("Settings that are not supported are refused by name")
    func settings() {
        #expect(throws: ModelError.unsupported(setting: "down_block_types", value: "AttnDownEncoderBlock2D")) {
            try VAEConfiguration(["down_block_types": ["AttnDownEncoderBlock2D"]])
        }
        #expect(throws: ModelError.unsupported(setting: "scaling_factor", value: "0.0")) {
            try VAEConfiguration(["scaling_factor": 0])
        }
    }

    private func check(_ model: AutoencoderKL, _ golden: Golden, parts: Int) throws {
        var (compared, failure): (Int, (any Error)?) = (0, nil)
        let pass = ForwardPass(pool: pool) { part, output in
            do {
                if try golden.compare(output, "vae." + part, limit: part.hasPrefix("dec") ? pictureLimit : limit) {
                    compared += 1
                }
            } catch { failure = error }
        }
        let latents = try model.encode(golden.map("vae.pixels"), pass)
        try golden.compare(latents.mean, "vae.mean", limit: limit)
        try golden.compare(latents.logVariance, "vae.logvar", limit: limit)
        let picture = try model.decode(golden.map("vae.mean"), pass)
        try golden.compare(picture, "vae.decoded_mean", limit: pictureLimit)
        if let failure { throw failure }
        #expect(compared >= parts)
    }

    /// e^x by its series, as the test's own.
    private func exponential(_ x: Float) -> Float {
        var (term, sum) = (1.0, 1.0)
        for n in 1..<200 {
            term *= Double(abs(x)) / Double(n)
            sum += term
        }
        return Float(x < 0 ? 1 / sum : sum)
    }
}
