import Testing
import UmbelNames

@Suite("Prefixes and styles")
struct StyleTests {
    private static let clip = [
        "text_model.encoder.layers.0.self_attn.q_proj.weight", "text_model.encoder.layers.0.self_attn.out_proj.weight",
    ]
    private static let t5 = ["encoder.block.0.layer.0.SelfAttention.q.weight"]
    private static let unet = [
        "conv_in.weight", "down_blocks.0.resnets.0.conv1.weight",
        "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight",
        "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.weight",
    ]

    private func pipeline(_ components: [(String, [String])], _ classes: [String: String] = [:]) -> NameTable {
        NameTable(
            catalog: BaseCatalog(
                tensors: components.flatMap { base($0.1, component: $0.0) }, componentClasses: classes))
    }

    private func component(_ table: NameTable, _ stem: String) -> String? {
        table.resolve([stem])[0].target?.component
    }

    @Test("The number of text encoders decides their prefixes")
    func encoderPrefixes() {
        let q = "_text_model_encoder_layers_0_self_attn_q_proj"
        let t5 = "_encoder_block_0_layer_0_SelfAttention_q"
        let one = pipeline([("unet", Self.unet), ("text_encoder", Self.clip)])
        #expect(
            ["lora_te", "lora_te1", "lora_te2"].map { component(one, $0 + q) } == ["text_encoder", "text_encoder", nil])
        let two = pipeline([("unet", Self.unet), ("text_encoder", Self.clip), ("text_encoder_2", Self.clip)])
        #expect(
            ["lora_te", "lora_te1", "lora_te2"].map { component(two, $0 + q) } == [
                nil, "text_encoder", "text_encoder_2",
            ])
        let three = pipeline([("text_encoder", Self.clip), ("text_encoder_2", Self.clip), ("text_encoder_3", Self.t5)])
        #expect(component(three, "lora_te2" + q) == "text_encoder_2")
        #expect(component(three, "lora_te3" + t5) == "text_encoder_3")
        let flux = pipeline([("text_encoder", Self.clip), ("text_encoder_2", Self.t5)])
        #expect(component(flux, "lora_te1" + q) == "text_encoder")
        #expect(["lora_te2", "lora_te3"].map { component(flux, $0 + t5) } == ["text_encoder_2", "text_encoder_2"])
        #expect(
            component(flux, "text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q")
                == "text_encoder_2")
    }

    @Test("The refiner's only encoder is the first to kohya, the second to diffusers")
    func refiner() {
        let refiner = pipeline([("unet", Self.unet), ("text_encoder_2", Self.clip)])
        let path = "text_model.encoder.layers.0.self_attn.q_proj"
        let stems = ["lora_te_", "lora_te1_"].map { $0 + path.replacing(".", with: "_") } + ["text_encoder_2." + path]
        #expect(stems.map { component(refiner, $0) } == Array(repeating: "text_encoder_2", count: 3))
    }

    @Test("text_model. may be missing from the base, from the adapter, or from both")
    func textModel() {
        let new = ["encoder.layers.0.self_attn.q_proj.weight", "encoder.layers.0.layer_norm1.weight"]
        for names in [Self.clip, new] {
            let table = pipeline([("unet", Self.unet), ("text_encoder", names)])
            for stem in [
                "lora_te_text_model_encoder_layers_0_self_attn_q_proj", "lora_te_encoder_layers_0_self_attn_q_proj",
                "text_encoder.text_model.encoder.layers.0.self_attn.q_proj",
                "text_encoder.encoder.layers.0.self_attn.q_proj",
                "text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora",
                "text_encoder.encoder.layers.0.self_attn.to_q_lora",
            ] {
                #expect(component(table, stem) == "text_encoder", "\(stem)")
            }
        }
    }

    @Test("A path that two encoders share is ambiguous without a prefix, and says where it lies")
    func sharedPath() {
        let two = pipeline([("unet", Self.unet), ("text_encoder", Self.clip), ("text_encoder_2", Self.clip)])
        let path = "text_model.encoder.layers.0.self_attn.q_proj"
        #expect(
            two.resolve(["base_model.model." + path])[0]
                == .ambiguous(["text_encoder/\(path)", "text_encoder_2/\(path)"]))
    }

    @Test("A bare path is looked up in all components, canonical names first")
    func barePaths() {
        let vae = ["encoder.down_blocks.0.resnets.0.norm1.weight", "quant_conv.weight"]
        let table = pipeline([("unet", Self.unet), ("text_encoder", Self.clip), ("vae", vae)])
        #expect(component(table, "quant_conv") == "vae")
        #expect(component(table, "conv_in") == "unet")
        #expect(component(table, "input_blocks.0.0") == "unet")
        #expect(component(table, "encoder.layers.0.self_attn.q_proj") == "text_encoder")
    }

    @Test("The autoencoder has its prefixes in every layout, also alone", arguments: ["vae", ""])
    func autoencoderPrefixes(folder: String) {
        let table = NameTable(
            catalog: BaseCatalog(
                tensors: ["encoder.down_blocks.0.resnets.0.norm1.weight", "quant_conv.weight"].map {
                    BaseTensor(component: folder, name: $0, shape: [4, 4])
                }))
        #expect(component(table, "vae.quant_conv") == folder)
        #expect(component(table, "first_stage_model.encoder.down.0.block.0.norm1") == folder)
    }

    @Test("Old attention processors, with and without the component; to_out_lora is to_out.0")
    func processors() {
        let table = pipeline([("unet", Self.unet)])
        let attention = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor."
        for prefix in ["unet.", ""] {
            #expect(table.resolve([prefix + attention + "to_q_lora"])[0].target?.weight?.pieces == [Piece(tensor: 2)])
            #expect(table.resolve([prefix + attention + "to_out_lora"])[0].target?.weight?.pieces == [Piece(tensor: 3)])
        }
    }

    @Test("A doubled underscore after the prefix is dropped, a tripled one is not")
    func doubledUnderscore() {
        let table = pipeline([("unet", Self.unet)])
        #expect(component(table, "lora_unet__conv_in") == "unet")
        #expect(component(table, "lora_unet___conv_in") == nil)
        #expect(component(table, "lora_transformer__conv_in") == nil)
    }

    @Test("Upsamplers of blocks without attention lie at 1; LyCORIS' 2 is an alias")
    func upsamplerAlias() throws {
        let list = try NameList("sd15-unet")
        for layout in NameList.Layout.allCases {
            let table = NameTable(catalog: BaseCatalog(tensors: list.base(layout)))
            let found = table.resolve(["lora_unet_output_blocks_2_1_conv", "lora_unet_output_blocks_2_2_conv"])
            #expect(found[0].target?.weight == found[1].target?.weight)
            #expect(found[0].target != nil)
            #expect(table.resolve(["lora_unet_output_blocks_5_1_conv"])[0].target == nil)
        }
    }

    @Test("A U-Net with one layer per level counts its blocks accordingly")
    func shallow() throws {
        let names = [
            "conv_in", "down_blocks.0.resnets.0.conv1", "down_blocks.0.downsamplers.0.conv",
            "down_blocks.1.resnets.0.conv1",
            "mid_block.resnets.0.conv1", "up_blocks.0.resnets.0.conv1", "up_blocks.0.resnets.1.conv1",
            "up_blocks.0.upsamplers.0.conv", "up_blocks.1.resnets.1.conv1",
        ]
        let original = [
            "input_blocks.0.0", "input_blocks.1.0.in_layers.2", "input_blocks.2.0.op", "input_blocks.3.0.in_layers.2",
            "middle_block.0.in_layers.2", "output_blocks.0.0.in_layers.2", "output_blocks.1.0.in_layers.2",
            "output_blocks.1.1.conv", "output_blocks.3.0.in_layers.2",
        ]
        for (own, other) in [(names, original), (original, names)] {
            let table = NameTable(catalog: BaseCatalog(tensors: base(own.map { $0 + ".weight" })))
            let found = table.resolve(other.map { "lora_unet_" + $0.replacing(".", with: "_") })
            #expect(found.map { $0.target?.weight?.pieces } == own.indices.map { [Piece(tensor: $0)] })
        }
    }

    @Test("A prefix from the user means a component, a part of a single file, or the whole of it")
    func userPrefixes() {
        let tensors = base(["unet.conv_in.weight", "te1.text_model.fc.weight", "te1.lora.weight"])
        let table = NameTable(
            catalog: BaseCatalog(tensors: tensors),
            prefixes: [("lora_unet", "unet"), ("lora_te1", "te1"), ("mine", ""), ("dotted", "te1")])
        let stems = ["lora_unet_conv_in", "lora_te1_text_model_fc", "mine_te1_text_model_fc", "dotted.text_model.fc"]
        #expect(table.resolve(stems).map { $0.target?.weight?.pieces[0].tensor } == [0, 1, 1, 1])
        // It replaces what the prefix would mean otherwise.
        #expect(table.resolve(["lora_unet_unet_conv_in"])[0].target == nil)
        let pipeline = NameTable(
            catalog: BaseCatalog(
                tensors: base(Self.unet, component: "unet") + base(Self.clip, component: "text_encoder")),
            prefixes: [("lora_te1", "text_encoder")])
        #expect(component(pipeline, "lora_te1_text_model_encoder_layers_0_self_attn_q_proj") == "text_encoder")
        #expect(pipeline.unknownPlaces.isEmpty)
        let wrong = NameTable(catalog: BaseCatalog(tensors: tensors), prefixes: [("lora_te9", "te9"), ("mine", "")])
        #expect(wrong.unknownPlaces == ["te9"])
    }

    @Test("A single file's denoiser is a U-Net or a transformer, as in a pipeline")
    func denoiserName() throws {
        for (list, name) in [("sd15-unet", "unet"), ("flux-transformer", "transformer")] {
            let list = try NameList(list)
            let table = NameTable(catalog: BaseCatalog(tensors: list.base(.single)), prefixes: [("mine", name)])
            let stem = try #require(list.rows[0].stems["comfy"]).replacing("diffusion_model.", with: "mine.")
            #expect(component(table, stem) == name)
            #expect(table.unknownPlaces.isEmpty)
        }
    }

    @Test("Tensors without a counterpart are never targets")
    func passThrough() throws {
        let list = try NameList("sd15-unet")
        let extra = [
            "alphas_cumprod", "model_ema.decay", "model_ema.diffusion_modelinput_blocks00weight", "logit_scale",
        ]
        let table = NameTable(catalog: BaseCatalog(tensors: list.base(.single) + base(extra)))
        #expect(table.resolve(extra).allSatisfy { $0.target == nil })
    }

    @Test("A root module that is a layer has the empty path")
    func root() {
        let table = NameTable(catalog: BaseCatalog(tensors: base(["weight", "bias"])))
        #expect(table.resolve(["lycoris_"])[0].target?.weight?.pieces == [Piece(tensor: 0)])
    }

    @Test(
        "Old names of the autoencoder's attention mean the new ones",
        arguments: [("query", "to_q"), ("proj_attn", "to_out.0")])
    func oldAutoencoder(old: String, new: String) {
        let block = "decoder.mid_block.attentions.0."
        for name in [old, new] {
            let table = pipeline([("vae", ["decoder.up_blocks.0.resnets.0.norm1.weight", block + name + ".weight"])])
            #expect(component(table, "vae." + block + old) == "vae")
            #expect(component(table, "vae." + block + new) == "vae")
        }
    }
}
