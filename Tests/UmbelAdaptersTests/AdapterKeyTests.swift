import Foundation
import Testing
import UmbelAdapters
import UmbelEngine
import UmbelTesting

@Suite("Keys of adapters")
struct AdapterKeyTests {
    /// names.md 3: every spelling of every role, on mangled and on dotted stems, with and without an adapter's name.
    static let splits: [(key: String, stem: String, role: Role?)] = [
        ("lora_unet_a_b.lora_down.weight", "lora_unet_a_b", .down),
        ("lora_unet_a_b.lora_up.weight", "lora_unet_a_b", .up),
        ("lora_unet_a_b.lora_mid.weight", "lora_unet_a_b", "lora_mid.weight"),
        ("lora_unet_a_b.alpha", "lora_unet_a_b", .alpha),
        ("lycoris_a.dora_scale", "lycoris_a", .doraScale), ("lycoris_a.diff_b", "lycoris_a", .biasDifference),
        ("lycoris_a.diff", "lycoris_a", "diff"), ("lycoris_a.w_norm", "lycoris_a", "w_norm"),
        ("lycoris_a.b_norm", "lycoris_a", "b_norm"), ("lycoris_a.hada_w1_a", "lycoris_a", "hada_w1_a"),
        ("lycoris_a.lokr_w2_b", "lycoris_a", "lokr_w2_b"), ("lycoris_a.lokr_t2", "lycoris_a", "lokr_t2"),
        ("oft_unet_a.oft_blocks", "oft_unet_a", "oft_blocks"), ("lycoris_a.b1.weight", "lycoris_a", "b1.weight"),
        ("lycoris_a.q_layer.weight", "lycoris_a", "q_layer.weight"),
        ("lycoris_a.lambda_layer", "lycoris_a", "lambda_layer"),
        ("lycoris_a.weight", "lycoris_a", .weight), ("lycoris_a.on_input", "lycoris_a", "on_input"),
        ("unet.a.to_q.lora_A.weight", "unet.a.to_q", .down), ("unet.a.to_q.lora_B.weight", "unet.a.to_q", .up),
        ("unet.a.to_q.lora.down.weight", "unet.a.to_q", .down), ("unet.a.to_q.lora.up.weight", "unet.a.to_q", .up),
        ("te.a.q_proj.lora_linear_layer.down.weight", "te.a.q_proj", .down),
        ("te.a.q_proj.lora_linear_layer.up.weight", "te.a.q_proj", .up),
        ("down.0.attn1.processor.to_q_lora.down.weight", "down.0.attn1.processor.to_q_lora", .down),
        ("down.0.attn1.processor.to_out_lora.up.weight", "down.0.attn1.processor.to_out_lora", .up),
        ("transformer.a.lora_A", "transformer.a", .down), ("transformer.a.lora_B", "transformer.a", .up),
        ("base_model.model.a.q.lora_A.default.weight", "base_model.model.a.q", .down),
        ("base_model.model.a.q.lora_B.my_adapter.weight", "base_model.model.a.q", .up),
        ("base_model.model.a.q.lora_B.bias", "base_model.model.a.q", "lora_B.bias"),
        ("base_model.model.a.q.lora_B.default.bias", "base_model.model.a.q", "lora_B.bias"),
        ("base_model.model.a.q.lora_magnitude_vector", "base_model.model.a.q", .magnitude),
        ("base_model.model.a.q.lora_magnitude_vector.weight", "base_model.model.a.q", .magnitude),
        ("base_model.model.a.q.lora_magnitude_vector.default.weight", "base_model.model.a.q", .magnitude),
        ("base_model.model.emb.lora_embedding_A", "base_model.model.emb", "lora_embedding_A"),
        ("base_model.model.emb.lora_embedding_A.default", "base_model.model.emb", "lora_embedding_A"),
        ("base_model.model.a.q.base_layer.weight", "base_model.model.a.q", .baseWeight),
        // A module that is itself called `down` is not a factor.
        ("unet.mid.down.weight", "unet.mid.down", .weight), ("a.lora_down.bias", "a.lora_down", .bias),
        ("lora_unet_a.nonsense.weight", "lora_unet_a.nonsense", .weight), ("lora_unet_a.nonsense", "lora_unet_a", nil),
        ("a.b.nonsense", "a.b.nonsense", nil), ("nonsense", "nonsense", nil), ("", "", nil), (".alpha", "", .alpha),
    ]

    @Test("A key is cut into stem and role", arguments: splits.indices)
    func splitting(_ index: Int) {
        let item = Self.splits[index]
        let key = AdapterKey(item.key)
        #expect(key.stem == item.stem, "\(item.key)")
        #expect(key.role == item.role, "\(item.key)")
    }

    @Test("Wrapper parts are no part of a module's name")
    func wrapperParts() {
        #expect(AdapterKey.module(ofStem: "a.base_layer.q") == "a.q")
        #expect(AdapterKey.module(ofStem: "a.base_layer.base_layer") == "a")
        #expect(AdapterKey.module(ofStem: "a.my_base_layer_x") == "a.my_base_layer_x")
    }

    @Test("No suffix stands for two roles, and every role is spelt by its own name")
    func suffixesAreUnambiguous() {
        var roles: [String: Set<Role>] = [:]
        for algorithm in AlgorithmList.all {
            for spelling in algorithm.roles {
                #expect(spelling.suffixes.contains(spelling.role.rawValue))
                for suffix in spelling.suffixes { roles[suffix, default: []].insert(spelling.role) }
            }
        }
        #expect(roles.filter { $0.value.count > 1 }.keys.sorted() == [])
        #expect(Set(AlgorithmList.all.map { $0.name }).count == AlgorithmList.all.count, "names are unique")
    }

    @Test("Any key is cut without harm, and nothing of it is lost")
    func fuzz() {
        let words = [
            "lora_A", "weight", ".", "..", "alpha", "lora_unet_a", "default", "down", "_lora", "ü", "diff", "",
        ]
        Fuzz.run { random, seed in
            let key = (0..<Int.random(in: 0...7, using: &random)).map { _ in words.randomElement(using: &random) ?? "" }
                .joined(separator: Bool.random(using: &random) ? "." : "")
            #expect(key.hasPrefix(AdapterKey(key).stem), "\(seed): \(key)")
        }
    }

    @Test("Every algorithm has an adapter among the goldens")
    func everyAlgorithmHasGoldens() throws {
        func entries(_ folder: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: Goldens.path(folder)).sorted().map { "\(folder)/\($0)" }
        }
        var paths = try entries("lycoris/adapters").filter { $0.hasSuffix(".safetensors") }
        for corpus in ["peft", "peft-more"] {
            for folder in try entries("\(corpus)/cases") {
                paths += try entries(folder).filter {
                    FileManager.default.fileExists(atPath: Goldens.path("\($0)/adapter_config.json"))
                }
            }
        }
        var found: Set<String> = []
        for path in paths {
            guard let adapter = try? AdapterFile.open(Goldens.path(path)) else { continue }
            found.formUnion(adapter.modules.map { $0.algorithm.name })
        }
        // Control LoRAs come from no tool with a merge to compare with; ControlAdapterTests has their formulas.
        let elsewhere: Set = [SetWeight.name]
        #expect(AlgorithmList.all.map { $0.name }.filter { !found.contains($0) && !elsewhere.contains($0) } == [])
    }
}
