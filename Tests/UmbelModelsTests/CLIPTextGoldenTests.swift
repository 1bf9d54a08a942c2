import Testing
import UmbelFormats
import UmbelModels
import UmbelTensor

@Suite("Text encoders agree with transformers after every layer")
struct CLIPTextGoldenTests {
    let pool = ComputePool(threads: 2)
    let limit: Float = 1e-4

    @Test("The trained pipeline's, whose end token is the first of many")
    func trained() throws {
        let model = try ComponentFiles.textModel(TestFiles.shapes + "/text_encoder")
        let golden = try Golden(TestFiles.shapesProbe)
        let states = try model(golden.rows("text.input_ids"), ForwardPass(pool: pool))
        let all = states.pooled
        try golden.compare(all.values, "text.pooler_output", limit: limit)
        for layer in 0...2 {
            try compare(states.layers[layer], golden, "text.hidden\(layer)")
        }
        try compare(states.last, golden, "text.last_hidden_state")
    }

    @Test(
        "Those of pipelines like Stable Diffusion 2 and XL",
        arguments: [
            ("sd2-tiny", "text_encoder", "text"), ("sdxl-tiny", "text_encoder", "text"),
            ("sdxl-tiny", "text_encoder_2", "text_2"),
        ])
    func pipelines(name: String, part: String, prefix: String) throws {
        let folder = TestFiles.drawing + "/" + name
        let model = try ComponentFiles.textModel(folder + "/" + part)
        let golden = try Golden(folder + "/goldens/probe.safetensors")
        let ids = try golden.rows(prefix + ".input_ids")
        let states = try model(Array(ids.prefix(2)), ForwardPass(pool: pool))
        for (layer, state) in states.layers.enumerated() {
            try compare(state, golden, "\(prefix).hidden\(layer)")
        }
        try compare(states.last, golden, "\(prefix).last_hidden_state")
        if let projected = states.projected {
            try golden.compare(projected.values, "\(prefix).text_embeds", limit: limit)
        } else {
            try golden.compare(states.pooled.values, "\(prefix).pooler_output", limit: limit)
        }
    }

    @Test("A layer that clip skip chooses is counted from the last one")
    func skipping() throws {
        let model = try ComponentFiles.textModel(TestFiles.shapes + "/text_encoder")
        let states = try model([[998, 5, 999]], ForwardPass(pool: pool))
        #expect(states.skipping(0)?.values == states.layers[2].values)
        #expect(states.skipping(1)?.values == states.layers[1].values)
        #expect(states.skipping(3) == nil)
        #expect(model.normalized(states.layers[2], pool: pool).values == states.last.values)
    }

    @Test("A vector in a token's place is what a token with that embedding gives")
    func replacing() throws {
        let folder = TestFiles.shapes + "/text_encoder"
        let model = try ComponentFiles.textModel(folder)
        let name = "embeddings.token_embedding.weight"
        let tensors = Weights(try ComponentFiles.weights(in: folder))
        let table = try (tensors.optionalTensor(name) ?? tensors.tensor("text_model." + name)).matrix()
        let vector = (0..<table.columns).map { table[7, $0] }
        let pass = ForwardPass(pool: pool)
        let plain = try model([[998, 3, 999], [998, 7, 999]], pass)
        // The token that is replaced is in no vocabulary.
        let replaced = try model(
            [[998, 3, 999], [998, 5000, 999]], replacing: [.init(text: 1, position: 1, vector: vector)], pass)
        #expect(plain.last.values == replaced.last.values)
    }

    @Test("Tokens that there is nothing for are refused")
    func refusals() throws {
        let model = try ComponentFiles.textModel(TestFiles.shapes + "/text_encoder")
        let pass = ForwardPass(pool: pool)
        #expect(throws: ModelError.tokenOutOfRange(1000, vocabulary: 1000)) { try model([[998, 1000]], pass) }
        #expect(throws: ModelError.tokenOutOfRange(-1, vocabulary: 1000)) { try model([[-1]], pass) }
        #expect(throws: ModelError.tooManyTokens(78, limit: 77)) {
            try model([Array(repeating: 1, count: 78)], pass)
        }
    }

    @Test("An end token of 2 stands for the largest token")
    func oldEnd() throws {
        let folder = TestFiles.shapes + "/text_encoder"
        var configuration = try CLIPTextConfiguration(ComponentFiles.json("config.json", in: folder))
        configuration.endToken = 2
        let model = try CLIPTextModel(configuration, Weights(ComponentFiles.weights(in: folder)))
        let states = try model([[998, 2, 900, 999, 1]], ForwardPass(pool: pool))
        #expect(states.pooled.values == Array(states.last.values[3 * 64..<4 * 64]))
    }

    @Test("Settings that are not supported are refused by name")
    func settings() {
        #expect(throws: ModelError.unsupported(setting: "hidden_act", value: "\"laplace\"")) {
            try CLIPTextConfiguration(["hidden_act": "laplace"])
        }
        #expect(throws: ModelError.unsupported(setting: "model_type", value: "\"t5\"")) {
            try CLIPTextConfiguration(["model_type": "t5"])
        }
    }

    /// Goldens hold the first texts only.
    private func compare(_ states: Matrix, _ golden: Golden, _ name: String) throws {
        let count = try golden.view(name).elementCount
        try golden.compare(Array(states.values.prefix(count)), name, limit: limit)
    }
}
