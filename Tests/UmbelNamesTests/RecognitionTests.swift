import Foundation
import Testing
import UmbelNames

@Suite("What a base is")
struct RecognitionTests {
    @Test("Every golden file set and key set is recognised")
    func golden() throws {
        for entry in try #require(try Fixtures.json("recognize.json")["cases"] as? [[String: Any]]) {
            let id = entry["id"] as? String ?? ""
            let expected = try #require(entry["expect"] as? [String: Any])
            if entry["kind"] as? String == "single" {
                let tensors = try Self.tensors(entry)
                #expect(tensors.count == entry["tensors"] as? Int, "\(id)")
                #expect(family(ofTensors: tensors) == expected["family"] as? String, "\(id)")
                continue
            }
            let kind: String
            var sharded = false
            do {
                let found = try recognize(
                    files: try #require(entry["files"] as? [String]), facts: try Self.facts(entry))
                kind = Self.names[found.kind] ?? ""
                sharded = found.components.contains { component in
                    if case .sharded = component.weights { return true }
                    return false
                }
            } catch RecognitionError.adapter {
                kind = "adapter"
            }
            #expect(kind == expected["kind"] as? String, "\(id)")
            #expect(sharded == expected["sharded"] as? Bool, "\(id)")
        }
    }

    private static let names: [BaseKind: String] = [
        .pipeline: "diffusers", .component: "diffusers-component", .languageModel: "hf-llm", .singleFile: "single",
    ]

    private static func tensors(_ entry: [String: Any]) throws -> [BaseTensor] {
        try #require(entry["lists"] as? [[String: String]]).flatMap { part in
            let list = try NameList(try #require(part["list"]).replacing(".json", with: ""))
            return list.base(.single).map { tensor in
                guard part["prefix"] != nil else { return tensor }
                return BaseTensor(name: String(tensor.name.dropFirst(list.prefix.count)), shape: tensor.shape)
            }
        }
    }

    private static func facts(_ entry: [String: Any]) throws -> BaseFacts {
        let content = try #require(entry["content"] as? [String: [String: Any]])
        let config = content["config.json"]
        return BaseFacts(
            adapterType: content["adapter_config.json"]?["peft_type"] as? String,
            pipeline: content["model_index.json"].map { index in
                index.compactMap { folder, value in
                    (value as? [String]).map { BaseFacts.PipelineEntry(folder: folder, className: $0[1]) }
                }
            },
            className: config?["_class_name"] as? String, architectures: config?["architectures"] as? [String] ?? [],
            modelType: config?["model_type"] as? String)
    }

    @Test("A variant is used when asked for, or when nothing else is there")
    func variants() throws {
        let facts = BaseFacts(className: "UNet2DConditionModel")
        let plain = "diffusion_pytorch_model.safetensors"
        let half = "diffusion_pytorch_model.fp16.safetensors"
        #expect(try recognize(files: [plain, half], facts: facts).components[0].weights == .file(plain))
        #expect(
            try recognize(files: [plain, half], facts: facts, variant: "fp16").components[0].weights == .file(half))
        #expect(try recognize(files: [half], facts: facts).components[0].weights == .file(half))
    }

    @Test(
        "Both spellings of a variant's shards share one index",
        arguments: ["model.fp16-00001-of-00002.safetensors", "model-00001-of-00002.fp16.safetensors"])
    func shardedVariant(shard: String) throws {
        let index = "model.safetensors.index.fp16.json"
        let found = try recognize(files: [shard, index], facts: BaseFacts(modelType: "llama"))
        #expect(found.components[0].weights == .sharded(index: index))
    }

    @Test("Weights that run code when read are refused by name")
    func unsafeWeights() {
        #expect(throws: RecognitionError.unsafeWeights(["pytorch_model.bin"])) {
            try recognize(files: ["config.json", "pytorch_model.bin"], facts: BaseFacts(modelType: "llama"))
        }
        #expect(throws: RecognitionError.unsafeWeights(["sd.ckpt"])) {
            try recognize(files: ["sd.ckpt"], facts: BaseFacts())
        }
    }

    @Test("A second copy of the weights is not chosen")
    func secondCopy() throws {
        let found = try recognize(
            files: ["consolidated.safetensors", "model.safetensors", "original/model.safetensors"],
            facts: BaseFacts(modelType: "mistral"))
        #expect(found.components == [BaseComponent(folder: "", className: nil, weights: .file("model.safetensors"))])
    }

    @Test("Components without weights pass through")
    func passThrough() throws {
        let found = try recognize(
            files: ["unet/diffusion_pytorch_model.safetensors", "scheduler/scheduler_config.json"],
            facts: BaseFacts(pipeline: [
                .init(folder: "unet", className: "UNet2DConditionModel"), .init(folder: "scheduler", className: "X"),
            ]))
        #expect(found.components.map(\.folder) == ["unet"])
    }

    @Test(
        "A single file's tensors tell its family",
        arguments: [
            ("single_stream_modulation.lin.weight", "flux2"), ("distilled_guidance_layer.in_proj.bias", "chroma"),
            ("txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias", "hunyuan-video"),
            ("head.modulation", "wan"), ("transformer_blocks.0.img_mod.1.weight", "qwen-image"),
            ("double_layers.0.attn.w2q.weight", "auraflow"), ("blocks.0.cross_attn.kv_linear.weight", "pixart"),
            ("patchify_proj.weight", "ltx"), ("blocks.0.attn.qkv_x.weight", "mochi"),
        ])
    func families(tensor: String, name: String) {
        #expect(family(ofTensors: base([tensor])) == name)
        #expect(family(ofTensors: base(["model.diffusion_model." + tensor])) == name)
    }

    @Test("An unknown U-Net has no name and is a base all the same")
    func unnamed() {
        let tensors = base([("input_blocks.0.0.weight", [32, 9, 3, 3])])
        let found = recognize(tensors: tensors)
        #expect(found == BaseRecognition(kind: .singleFile, family: nil, edition: "inpainting"))
    }

    @Test("A Hugging Face model in one file is a language model")
    func languageModel() {
        #expect(recognize(tensors: base(["model.layers.0.self_attn.q_proj.weight"])).kind == .languageModel)
        #expect(recognize(tensors: base(["h.0.attn.c_attn.weight"])).kind == .languageModel)
    }
}
