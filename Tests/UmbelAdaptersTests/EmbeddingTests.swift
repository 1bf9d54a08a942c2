import Testing
import UmbelNames
import UmbelTensor
import UmbelTesting

@testable import UmbelAdapters

@Suite("Files of words for prompts")
struct EmbeddingTests {
    private static func tensor(_ name: String, _ shape: [Int] = [2, 3]) -> TestTensor {
        TestTensor(name, shape, [Float](repeating: 1, count: shape.elementCount), as: .f16)
    }

    @Test(
        "Every form of one embedding is known, with its token and the order of its text encoders",
        arguments: [
            (["emb_params"], nil, ["emb_params"]), (["*"], nil, ["*"]), (["clip_l"], nil, ["clip_l"]),
            (["string_to_param.*"], nil, ["string_to_param.*"]), (["<cat-toy>"], "<cat-toy>", ["<cat-toy>"]),
            (["<v1.5>"], "<v1.5>", ["<v1.5>"]), (["sks"], "sks", ["sks"]),
            (["clip_g", "clip_l"], nil, ["clip_l", "clip_g"]),
            (["text_encoders_0", "text_encoders_1"], nil, ["text_encoders_0", "text_encoders_1"]),
        ] as [([String], String?, [String])])
    func forms(keys: [String], token: String?, order: [String]) throws {
        let adapter = try Adapter(keys.map { Self.tensor($0) })
        #expect(adapter.hasOnlyEmbeddings && adapter.format == .textualInversion && adapter.dtype == .f16)
        let embedding = try #require(adapter.embeddings.first)
        #expect(embedding.name == nil && embedding.token == token)
        #expect(embedding.tensors.map(\.key) == order)
    }

    @Test(
        "What has modules, other keys or settings is an adapter",
        arguments: [
            ["lycoris_a.diff"], ["a.lora_A.weight"], ["somewhere.else"], ["clip_l", "clip_g", "x"], ["a", "b"],
            ["bundle_emb.x.y", "somewhere.else"],
        ])
    func others(keys: [String]) throws {
        #expect(try !Adapter(keys.map { Self.tensor($0) }).hasOnlyEmbeddings)
    }

    @Test("A bundle's embeddings lie beside its adapter, and a bundle of nothing else is an embedding")
    func bundles() throws {
        let words = [
            Self.tensor("bundle_emb.two.clip_g", [1, 5]), Self.tensor("bundle_emb.two.clip_l", [1, 3]),
            Self.tensor("bundle_emb.one.string_to_param.*"), .integers("bundle_emb.one.string_to_token.*", [1], [265]),
        ]
        let bundle = try Adapter(words + [Self.tensor("lycoris_a.diff")])
        #expect(!bundle.hasOnlyEmbeddings && bundle.modules.count == 1 && bundle.unknownKeys.isEmpty)
        #expect(bundle.embeddings.map(\.name) == ["one", "two"])
        #expect(bundle.embeddings[1].tensors.map(\.key) == ["clip_l", "clip_g"])
        #expect(bundle.notes.contains { $0.code == .bundledEmbeddings && $0.keys == ["one", "two"] })
        #expect(try Adapter(words).hasOnlyEmbeddings)
    }

    @Test("Keys of a bundle that are no embedding are unknown ones")
    func strange() throws {
        let adapter = try Adapter([
            Self.tensor("lycoris_a.diff"), Self.tensor("bundle_emb.x.a"), Self.tensor("bundle_emb.x.b"),
            Self.tensor("bundle_emb.y"),
        ])
        #expect(adapter.embeddings.isEmpty)
        #expect(adapter.unknownKeys == ["bundle_emb.x.a", "bundle_emb.x.b", "bundle_emb.y"])
    }

    @Test("A merge is refused whatever is allowed, because there is nothing to merge")
    func refusal() throws {
        let base = [Self.tensor("emb_params")].base
        let adapter = try Adapter([Self.tensor("emb_params")])
        let report = Binder.bind(adapter, to: base, names: NameTable(catalog: base.catalog)).report
        #expect(report.refusal(allowsUnmatched: true) == .nothingToMerge)
    }
}
