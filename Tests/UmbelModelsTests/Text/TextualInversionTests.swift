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

    /// The tensors of a file in the order in which they are given.
    private func inversion(
        _ tensors: [(name: String, shape: [Int])], name: String, token: String? = nil
    ) throws -> TextualInversion {
        let file = try file(tensors)
        let views = try tensors.map { (key: $0.name, view: try #require(file.view($0.name))) }
        return try TextualInversion(views, name: name, token: token)
    }

    private func inversion(_ header: String, _ data: [Float]) throws -> TextualInversion {
        let file = try write(header, data)
        return try TextualInversion(file.index.entries.map { ($0.name, file.view($0)) }, name: "x")
    }

    @Test("Vectors without a word of their own are called as they are kept")
    func webUI() throws {
        let embedding = try inversion([("emb_params", [2, 3])], name: "style")
        #expect(embedding.words == ["style"])
        #expect(embedding.vectors.rows == 2 && embedding.vectors.values == [0, 1, 2, 3, 4, 5])
        #expect(embedding.secondVectors == nil && embedding.vector(0, ofEncoder: 1) == nil)
        #expect(embedding.called("other").words == ["other"])
    }

    @Test("A token is a word too, and may be a single vector")
    func token() throws {
        let embedding = try inversion([("<cat-toy>", [4])], name: "cat", token: "<cat-toy>")
        #expect(embedding.words == ["cat", "<cat-toy>"])
        #expect(embedding.count == 1 && embedding.vectors.columns == 4)
        #expect(embedding.called("dog").words == ["dog", "<cat-toy>"])
        #expect(embedding.called("<cat-toy>").words == ["<cat-toy>"])
    }

    @Test("SDXL's form has vectors for both text encoders, as many of each")
    func twoEncoders() throws {
        let embedding = try inversion([("clip_l", [2, 3]), ("clip_g", [2, 5])], name: "x")
        #expect(embedding.widths == [3, 5])
        #expect(embedding.vector(1, ofEncoder: 0) == [3, 4, 5])
        #expect(embedding.vector(1, ofEncoder: 1) == [5, 6, 7, 8, 9])
        #expect(embedding.vector(2, ofEncoder: 1) == nil && embedding.vector(0, ofEncoder: 2) == nil)
        #expect(throws: ModelError.shape(tensor: "clip_g", found: [3, 5], expected: [2, 5])) {
            try inversion([("clip_l", [2, 3]), ("clip_g", [3, 5])], name: "x")
        }
    }

    @Test("The tensor that does not fit a text encoder is named")
    func misfits() throws {
        let one = try inversion([("emb_params", [1, 3])], name: "x")
        #expect(one.misfit([3]) == nil)
        #expect(
            one.misfit([4]) == "emb_params" && one.misfit([3, 5]) == "emb_params" && one.misfit([]) == "emb_params")
        let two = try inversion([("clip_l", [1, 3]), ("clip_g", [1, 5])], name: "x")
        #expect(two.misfit([3, 5]) == nil)
        #expect(two.misfit([3]) == "clip_g" && two.misfit([4, 5]) == "clip_l" && two.misfit([3, 6]) == "clip_g")
    }

    @Test("An embedding may have no vectors")
    func none() throws {
        #expect(try inversion([("emb_params", [0, 3])], name: "x").count == 0)
    }

    @Test("Tensors of anything else are refused")
    func refused() throws {
        #expect(throws: ModelError.self) { try inversion([("a", [2]), ("b", [2]), ("c", [2])], name: "x") }
        #expect(throws: ModelError.self) { try inversion([("a", [1, 2, 2])], name: "x") }
        #expect(throws: ModelError.self) { try inversion([("a", [])], name: "x") }
        #expect(throws: ModelError.self) { try inversion([], name: "x") }
        #expect(throws: ModelError.self) { try inversion([("a", [TextualInversion.vectorLimit + 1, 1])], name: "x") }
        let header = "{\"a\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[0,4]}}"
        #expect(throws: ModelError.dtype(tensor: "a", "i32")) { try inversion(header, [0]) }
        #expect(throws: ModelError.self) { try inversion(header.replacing("I32", with: "F32"), [.nan]) }
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
        let embedding = try inversion([("<cat-toy>", [2, 4])], name: "cat", token: "<cat-toy>")
        let tokenizer = TriggeredTokenizer(try TextFixtures.tokenizer.get(), inversions: [embedding])
        #expect(tokenizer.pieces(of: "Cat") == [.embedding(0, rows: 2)])
        #expect(tokenizer.pieces(of: "<cat-toy>") == [.embedding(0, rows: 2)])
    }
}
