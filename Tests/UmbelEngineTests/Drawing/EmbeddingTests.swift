import Testing
import UmbelModels
import UmbelPOSIX
import UmbelRegistry
import UmbelTensor
import UmbelTesting

@testable import UmbelEngine

/// Textual inversions in the registry, and which of them a drawing's prompts may use.
@Suite("Stored embeddings")
struct EmbeddingTests {
    private let folder: TemporaryFolder
    private let store: AdapterStore
    private let engine: Engine

    private static let table = "text_model.embeddings.token_embedding.weight"

    init() throws {
        folder = try TemporaryFolder()
        let one = [
            TestTensor(Self.table, [4, 3], (0..<12).map(Float.init)), TestTensor("a.weight", [2, 2], [1, 2, 3, 4]),
        ]
        let two = [
            TestTensor("conditioner.embedders.1.model.token_embedding.weight", [4, 5], (0..<20).map(Float.init)),
            TestTensor("conditioner.embedders.0.transformer.\(Self.table)", [4, 3], (0..<12).map(Float.init)),
        ]
        store = try AdapterStore(folder: folder.path + "/data")
        engine = Engine(
            bases: [
                try BaseModel(name: "one", path: folder.write(one.file(), to: "one.safetensors")),
                try BaseModel(name: "two", path: folder.write(two.file(), to: "two.safetensors")),
            ], adapters: store, traffic: try TrafficTable(store), cacheBytes: 1 << 20, pool: ComputePool(threads: 1))
    }

    @discardableResult
    private func add(
        _ name: String, _ tensors: [TestTensor], _ options: AdapterOptions = AdapterOptions()
    ) throws -> AdapterRecord {
        let file = try folder.write(tensors.file(), to: name + ".safetensors")
        let upload = try engine.upload(tensors: FileDescriptor.read(file), config: nil)
        return try engine.add(upload, as: name, options: options) { (_) throws(EngineError) in }.record
    }

    private static func words(_ token: String, _ shape: [Int], _ value: Float = 1) -> TestTensor {
        TestTensor(token, shape, [Float](repeating: value, count: shape.elementCount))
    }

    private static let pair = [words("clip_l", [1, 3]), words("clip_g", [1, 5])]

    private func names(_ reference: String) throws -> [[String]] {
        let (plain, terms) = try engine.withoutEmbeddings(ModelReference(reference))
        return try engine.embeddings(for: [engine.variant(plain)], named: terms).embeddings.map(\.words)
    }

    @Test("A base's text encoders are told by their tensors, in order")
    func widths() {
        #expect(engine.bases.map(\.textWidths) == [[3], [3, 5]])
    }

    @Test("Every stored embedding that fits the base is a word there, also after a restart")
    func stored() throws {
        try add("ink", [Self.words("<ink-style>", [2, 3])])
        try add("both", Self.pair)
        try add("plain", [Self.words("a.diff", [2, 2])])
        #expect(try names("one") == [["ink", "<ink-style>"]])
        #expect(try names("two") == [["both"]])
        let other = Engine(
            bases: engine.bases, adapters: store, traffic: engine.traffic, cacheBytes: 1 << 20,
            pool: ComputePool(threads: 1))
        #expect(try other.embeddings(for: [other.variant("one")]).embeddings.map(\.name) == ["ink"])
        try engine.remove("ink") { (_) throws(EngineError) in }
        #expect(try names("one").isEmpty)
    }

    @Test("An embedding for other text encoders is refused, and the tensor named")
    func misfit() throws {
        func error(_ tensors: [TestTensor], base: String? = nil) -> EngineError? {
            var options = AdapterOptions()
            options.base = base
            return #expect(throws: EngineError.self) { try add("x", tensors, options) }
        }
        guard case .embeddingMisfit("emb_params", [4], let bases) = error([Self.words("emb_params", [1, 4])]) else {
            Issue.record("fits")
            return
        }
        #expect(bases.map(\.base) == ["one", "two"] && bases.map(\.widths) == [[3], [3, 5]])
        guard case .embeddingMisfit("clip_g", [3, 5], let only) = error(Self.pair, base: "one") else {
            Issue.record("fits")
            return
        }
        #expect(only.map(\.base) == ["one"])
        guard case .embedding(.shape(tensor: "x", _, _)) = error([Self.words("x", [1, 1, 3])]) else {
            Issue.record("is one")
            return
        }
        #expect(store.all().isEmpty)
        var unchecked = AdapterOptions()
        unchecked.isWithoutBase = true
        try add("x", [Self.words("emb_params", [1, 4])], unchecked)
        #expect(try names("one").isEmpty)
    }

    @Test("A reference may name one, for drawing alone and without a scale")
    func references() throws {
        try add("ink", [Self.words("<ink-style>", [2, 3])])
        try add("plain", [Self.words("a.diff", [2, 2])])
        let (reference, terms) = try engine.withoutEmbeddings(ModelReference("one+plain:0.5+ink"))
        #expect(reference.text == "one+plain:0.5" && terms.map(\.adapter) == ["ink"])
        #expect(try engine.withoutEmbeddings(ModelReference("ink")).reference.text == "one")
        guard
            case .embeddingScale("ink")? = #expect(
                throws: EngineError.self,
                performing: {
                    try engine.withoutEmbeddings(ModelReference("one+ink:0.5"))
                })
        else { return }
        guard
            case .binding(.nothingToMerge, _)? = #expect(
                throws: EngineError.self,
                performing: {
                    try engine.variant("one+ink")
                })
        else {
            Issue.record("merged")
            return
        }
    }

    @Test("A version that a reference names counts before the present one, which keeps its other words")
    func pinned() throws {
        let old = try add("ink", [Self.words("<old>", [1, 3])])
        try add("ink", [Self.words("<new>", [2, 3])])
        #expect(try names("one") == [["ink", "<new>"]])
        #expect(try names("one+ink@\(old.digest.prefix(12))") == [["ink", "<old>"]])
    }

    @Test("A bundle's words are there where its adapter is in the model")
    func bundled() throws {
        try add("look", [Self.words("a.diff", [2, 2]), Self.words("bundle_emb.shiny.emb_params", [1, 3])])
        #expect(try names("one").isEmpty)
        #expect(try names("one+look:0.5") == [["shiny"]])
    }

    @Test("A word means one embedding: a name before a token, in the order given")
    func ownWords() throws {
        func embedding(_ name: String, _ token: String) throws -> TextualInversion {
            try TextualInversion([(token, Self.words(token, [1, 3]).view)], name: name, token: token)
        }
        let found = Engine.withOwnWords([
            try embedding("a", "Sun"), try embedding("sun", "x"), try embedding("A", "y"), try embedding("b", "X"),
        ])
        #expect(found.map(\.words) == [["a"], ["sun", "x"], ["b"]])
    }

    @Test("The layers of a U-Net's blocks are told by its names in either layout")
    func layers() throws {
        func layers(_ names: [String]) throws -> [Int] {
            let file = names.map { TestTensor($0, [1], [1]) }.file()
            return try BaseModel(name: "x", path: folder.write(file, to: "unet.safetensors")).layersPerBlock
        }
        #expect(try layers(["down_blocks.0.resnets.0.a", "down_blocks.1.resnets.2.a", "mid_block.a"]) == [1, 3])
        let original = ["0.0.a", "1.0.a", "2.0.op.weight", "3.0.a", "4.0.a", "4.1.a"]
        #expect(try layers(original.map { "model.diffusion_model.input_blocks.\($0)" }) == [1, 2])
        #expect(try layers(["encoder.down_blocks.0.resnets.0.a"]) == [])
        #expect(engine.bases[0].layersPerBlock == [])
    }
}
