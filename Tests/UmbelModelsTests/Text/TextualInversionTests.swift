import Foundation
import Testing
import UmbelFormats
import UmbelModels

@Suite("Embeddings of words")
struct TextualInversionTests {
    /// A safetensors file of f32 tensors, each filled with 0, 1, 2, …
    private func file(_ tensors: [(name: String, shape: [Int])]) throws -> SafetensorsFile {
        var data: [Float] = []
        let members = tensors.map { tensor in
            let count = tensor.shape.reduce(1, *)
            let start = data.count * 4
            data += (0..<count).map(Float.init)
            let offsets: [JSON] = [JSON(start), JSON(data.count * 4)]
            return JSON.Member(
                tensor.name,
                ["dtype": "F32", "shape": .array(tensor.shape.map { JSON($0) }), "data_offsets": .array(offsets)])
        }
        return try write(JSON.object(members).text, data)
    }

    private func write(_ header: String, _ data: [Float]) throws -> SafetensorsFile {
        var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
        bytes += Data(header.utf8)
        bytes += data.withUnsafeBytes { Data($0) }
        let url = FileManager.default.temporaryDirectory.appending(path: "umbel-\(UUID().uuidString).safetensors")
        try bytes.write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        return try SafetensorsFile(path: url.path)
    }

    @Test("The web UI's form has vectors and no word of its own")
    func webUI() throws {
        let embedding = try TextualInversion(try file([("emb_params", [2, 3])]), name: "style")
        #expect(embedding.words == ["style"])
        #expect(embedding.vectors.rows == 2 && embedding.vectors.values == [0, 1, 2, 3, 4, 5])
        #expect(embedding.secondVectors == nil && embedding.vector(0, ofEncoder: 1) == nil)
    }

    @Test("A token's tensor is a word too, and may be a single vector")
    func token() throws {
        let embedding = try TextualInversion(try file([("<cat-toy>", [4])]), name: "cat")
        #expect(embedding.words == ["cat", "<cat-toy>"])
        #expect(embedding.count == 1 && embedding.vectors.columns == 4)
        #expect(try TextualInversion(try file([("*", [4])]), name: "cat").words == ["cat"])
    }

    @Test("SDXL's form has vectors for both text encoders, as many of each")
    func twoEncoders() throws {
        let embedding = try TextualInversion(try file([("clip_g", [2, 5]), ("clip_l", [2, 3])]), name: "x")
        #expect(embedding.vectors.columns == 3)
        #expect(embedding.secondVectors?.columns == 5)
        #expect(embedding.vector(1, ofEncoder: 0) == [3, 4, 5])
        #expect(embedding.vector(1, ofEncoder: 1) == [5, 6, 7, 8, 9])
        #expect(embedding.vector(2, ofEncoder: 1) == nil && embedding.vector(0, ofEncoder: 2) == nil)
        #expect(throws: ModelError.shape(tensor: "clip_g", found: [3, 5], expected: [2, 5])) {
            try TextualInversion(try file([("clip_g", [3, 5]), ("clip_l", [2, 3])]), name: "x")
        }
    }

    @Test("An embedding may have no vectors")
    func none() throws {
        #expect(try TextualInversion(try file([("emb_params", [0, 3])]), name: "x").count == 0)
    }

    @Test("Files of anything else are refused")
    func refused() throws {
        #expect(throws: ModelError.self) { try TextualInversion(try file([("a", [2]), ("b", [2])]), name: "x") }
        #expect(throws: ModelError.self) { try TextualInversion(try file([("a", [1, 2, 2])]), name: "x") }
        #expect(throws: ModelError.self) { try TextualInversion(try file([("a", [])]), name: "x") }
        #expect(throws: ModelError.self) { try TextualInversion(try file([]), name: "x") }
        let header = "{\"a\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[0,4]}}"
        #expect(throws: ModelError.dtype(tensor: "a", "i32")) {
            try TextualInversion(try write(header, [0]), name: "x")
        }
        let float = header.replacing("I32", with: "F32")
        #expect(throws: ModelError.self) { try TextualInversion(try write(float, [.nan]), name: "x") }
    }

    @Test("A bundle's embeddings are found beside its adapter")
    func bundle() throws {
        let bundle = try file([
            ("lora_unet_x.lora_up.weight", [2, 2]), ("bundle_emb.one.string_to_param.*", [2, 3]),
            ("bundle_emb.two.clip_l", [1, 3]), ("bundle_emb.two.clip_g", [1, 5]),
            ("bundle_emb.one.string_to_token.*", [1]),
        ])
        let found = try TextualInversion.bundled(in: bundle)
        #expect(found.map(\.name) == ["one", "two"])
        #expect(found.map(\.words) == [["one"], ["two"]])
        #expect(found.map(\.count) == [2, 1])
        #expect(found[1].secondVectors?.columns == 5)
        #expect(try TextualInversion.bundled(in: file([("a", [1])])).isEmpty)
    }

    @Test("A pickled embedding is refused as what it is")
    func pickle() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "umbel-\(UUID().uuidString).safetensors")
        try Data([0x50, 0x4b, 0x03, 0x04, 0, 0, 0, 0, 0]).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        #expect(throws: WeightFileError.invalid(path: url.path, .notSafetensors(format: .zipPickle))) {
            try SafetensorsFile(path: url.path)
        }
    }

    @Test("A prompt knows the embeddings by their words")
    func tokenizer() throws {
        let embedding = try TextualInversion(try file([("<cat-toy>", [2, 4])]), name: "cat")
        let tokenizer = TriggeredTokenizer(try TextFixtures.tokenizer.get(), inversions: [embedding])
        #expect(tokenizer.pieces(of: "Cat") == [.embedding(0, rows: 2)])
        #expect(tokenizer.pieces(of: "<cat-toy>") == [.embedding(0, rows: 2)])
    }
}
