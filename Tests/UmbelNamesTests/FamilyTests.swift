import Testing
import UmbelNames

/// Families that no golden covers: each rule once in both directions.
@Suite("Other image and video models")
struct FamilyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let family: String
        /// Tensors in the original naming, beside those of `pairs`.
        var also: [(String, [Int])] = []
        /// Original module, canonical module.
        let pairs: [(String, String)]
        /// Original fused module, its rows, its parts.
        var fused: [(String, Int, [String])] = []
        var swapped: [(String, String)] = []
        var testDescription: String { family }
    }

    static let cases: [Case] = [
        Case(
            family: "flux2",
            pairs: [
                ("single_stream_modulation.lin", "single_stream_modulation.linear"),
                ("double_blocks.0.img_mlp.0", "transformer_blocks.0.ff.linear_in"),
                ("single_blocks.3.linear1", "single_transformer_blocks.3.attn.to_qkv_mlp_proj"),
                ("time_in.in_layer", "time_guidance_embed.timestep_embedder.linear_1"),
            ],
            fused: [
                (
                    "double_blocks.0.img_attn.qkv", 12,
                    ["to_q", "to_k", "to_v"].map { "transformer_blocks.0.attn.\($0)" }
                )
            ],
            swapped: [("final_layer.adaLN_modulation.1", "norm_out.linear")]),
        Case(
            family: "chroma", also: [("distilled_guidance_layer.in_proj.bias", [4])],
            pairs: [
                ("distilled_guidance_layer.layers.2.in_layer", "distilled_guidance_layer.layers.2.linear_1"),
                ("double_blocks.0.txt_mlp.2", "transformer_blocks.0.ff_context.net.2"),
            ],
            fused: [
                (
                    "double_blocks.0.txt_attn.qkv", 12,
                    ["add_q_proj", "add_k_proj", "add_v_proj"].map { "transformer_blocks.0.attn.\($0)" }
                )
            ]),
        Case(
            family: "wan", also: [("head.modulation", [1, 2, 4])],
            pairs: [
                ("blocks.0.self_attn.q", "blocks.0.attn1.to_q"), ("blocks.11.cross_attn.o", "blocks.11.attn2.to_out.0"),
                ("blocks.0.cross_attn.k_img", "blocks.0.attn2.add_k_proj"),
                ("blocks.0.cross_attn.norm_k_img", "blocks.0.attn2.norm_added_k"),
                ("blocks.0.norm3", "blocks.0.norm2"), ("blocks.0.ffn.0", "blocks.0.ffn.net.0.proj"),
                ("time_projection.1", "condition_embedder.time_proj"),
                ("img_emb.proj.3", "condition_embedder.image_embedder.ff.net.2"), ("head.head", "proj_out"),
                ("patch_embedding", "patch_embedding"),
            ]),
        Case(
            family: "hunyuan-video",
            also: [("txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias", [8])],
            pairs: [
                (
                    "txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1",
                    "context_embedder.token_refiner.refiner_blocks.0.norm_out.linear"
                ),
                ("double_blocks.0.img_attn_proj", "transformer_blocks.0.attn.to_out.0"),
                ("double_blocks.0.img_mod.linear", "transformer_blocks.0.norm1.linear"),
                ("single_blocks.0.linear2", "single_transformer_blocks.0.proj_out"),
                ("time_in.mlp.0", "time_text_embed.timestep_embedder.linear_1"),
            ],
            fused: [
                (
                    "double_blocks.0.img_attn_qkv", 12,
                    ["to_q", "to_k", "to_v"].map { "transformer_blocks.0.attn.\($0)" }
                ),
                (
                    "txt_in.individual_token_refiner.blocks.0.self_attn_qkv", 12,
                    ["to_q", "to_k", "to_v"].map { "context_embedder.token_refiner.refiner_blocks.0.attn.\($0)" }
                ),
            ],
            swapped: [("final_layer.adaLN_modulation.1", "norm_out.linear")]),
        Case(
            family: "z-image", also: [("cap_embedder.0.weight", [4])],
            pairs: [
                ("layers.0.adaLN_modulation.0", "layers.0.adaLN_modulation.0"), ("x_embedder", "all_x_embedder.2-1"),
                ("layers.0.attention.out", "layers.0.attention.to_out.0"),
                ("noise_refiner.1.attention.q_norm", "noise_refiner.1.attention.norm_q"),
            ],
            fused: [("layers.0.attention.qkv", 12, ["to_q", "to_k", "to_v"].map { "layers.0.attention.\($0)" })]),
        Case(
            family: "pixart",
            pairs: [
                ("t_block.1", "adaln_single.linear"), ("blocks.0.mlp.fc1", "transformer_blocks.0.ff.net.0.proj"),
                ("blocks.0.cross_attn.q_linear", "transformer_blocks.0.attn2.to_q"),
                ("x_embedder.proj", "pos_embed.proj"),
            ],
            fused: [
                ("blocks.0.cross_attn.kv_linear", 8, ["to_k", "to_v"].map { "transformer_blocks.0.attn2.\($0)" }),
                ("blocks.0.attn.qkv", 12, ["to_q", "to_k", "to_v"].map { "transformer_blocks.0.attn1.\($0)" }),
            ]),
        Case(
            family: "sana",
            pairs: [
                ("blocks.0.mlp.inverted_conv.conv", "transformer_blocks.0.ff.conv_inverted"),
                ("t_block.1", "time_embed.linear"),
            ],
            fused: [("blocks.0.cross_attn.kv_linear", 8, ["to_k", "to_v"].map { "transformer_blocks.0.attn2.\($0)" })]),
        Case(
            family: "auraflow",
            pairs: [
                ("double_layers.0.attn.w2q", "joint_transformer_blocks.0.attn.to_q"),
                ("double_layers.0.attn.w1o", "joint_transformer_blocks.0.attn.to_add_out"),
                ("double_layers.0.mlpC.c_proj", "joint_transformer_blocks.0.ff_context.out_projection"),
                ("single_layers.0.attn.w1k", "single_transformer_blocks.0.attn.to_k"),
                ("double_layers.0.modX.1", "joint_transformer_blocks.0.norm1.linear"),
            ],
            swapped: [("modF.1", "norm_out.linear")]),
        Case(
            family: "mochi", also: [("t5_y_embedder.to_kv.weight", [4, 4])],
            pairs: [
                ("blocks.0.mlp_x.w2", "transformer_blocks.0.ff.net.2"),
                ("blocks.0.attn.proj_x", "transformer_blocks.0.attn1.to_out.0"),
            ],
            fused: [
                ("blocks.0.attn.qkv_x", 12, ["to_q", "to_k", "to_v"].map { "transformer_blocks.0.attn1.\($0)" }),
                (
                    "blocks.0.attn.qkv_y", 12,
                    ["add_q_proj", "add_k_proj", "add_v_proj"].map { "transformer_blocks.0.attn1.\($0)" }
                ),
            ],
            swapped: [
                ("blocks.0.mlp_x.w1", "transformer_blocks.0.ff.net.0.proj"), ("final_layer.mod", "norm_out.linear"),
            ]),
        Case(
            family: "ltx",
            pairs: [
                ("patchify_proj", "proj_in"), ("adaln_single.linear", "time_embed.linear"),
                ("transformer_blocks.0.attn1.q_norm", "transformer_blocks.0.attn1.norm_q"),
                ("transformer_blocks.0.attn1.to_q", "transformer_blocks.0.attn1.to_q"),
            ]),
        Case(
            family: "cosmos",
            pairs: [
                ("blocks.0.adaln_modulation_self_attn.1", "transformer_blocks.0.norm1.linear_1"),
                ("blocks.0.cross_attn.output_proj", "transformer_blocks.0.attn2.to_out.0"),
                ("blocks.0.mlp.layer1", "transformer_blocks.0.ff.net.0.proj"),
                ("x_embedder.proj.1", "patch_embed.proj"),
            ]),
    ]

    @Test("A file in the original naming takes adapters in both", arguments: cases)
    func original(_ entry: Case) throws {
        var tensors = entry.also
        tensors += (entry.pairs + entry.swapped).map { ($0.0 + ".weight", [4, 4]) }
        tensors += entry.fused.map { ($0.0 + ".weight", [$0.1, 4]) }
        let list = base(tensors)
        #expect(family(ofTensors: list) == entry.family)
        try check(entry, list, isOriginal: true)
        try check(entry, base(tensors.map { ("model.diffusion_model." + $0.0, $0.1) }), isOriginal: true)
    }

    @Test("A folder in the canonical naming takes adapters in both", arguments: cases)
    func canonical(_ entry: Case) throws {
        var names =
            (entry.pairs + entry.swapped).map { $0.1 + ".weight" } + entry.fused.flatMap { $0.2 }.map { $0 + ".weight" }
        // What tells these families' folders, where no rule above has it.
        switch entry.family {
        case "chroma": names.append("distilled_guidance_layer.in_proj.bias")
        case "mochi": names.append("time_embed.pooler.to_kv.weight")
        case "hunyuan-video": names.append("context_embedder.token_refiner.refiner_blocks.0.norm_out.linear.bias")
        case "pixart": names.append("transformer_blocks.0.attn2.to_k.weight")
        case "ltx": break
        default: break
        }
        let list = base(Array(Set(names)).sorted(), component: "transformer")
        try check(entry, list, isOriginal: false)
    }

    private func check(_ entry: Case, _ tensors: [BaseTensor], isOriginal: Bool) throws {
        let table = NameTable(catalog: BaseCatalog(tensors: tensors))
        func weight(_ stem: String) throws -> TargetView {
            try #require(table.resolve([stem])[0].target?.weight, "\(stem): \(table.resolve([stem])[0])")
        }
        func mangled(_ path: String) -> String { path.replacing(".", with: "_") }
        for (original, canonical) in entry.pairs + entry.swapped {
            let own = try weight(
                (isOriginal ? "diffusion_model." : "transformer.") + (isOriginal ? original : canonical))
            var other = try weight(
                (isOriginal ? "transformer." : "diffusion_model.") + (isOriginal ? canonical : original))
            #expect(try weight("lora_unet_" + mangled(original)) == (isOriginal ? own : other))
            #expect(try weight("lora_transformer_" + mangled(canonical)) == (isOriginal ? other : own))
            #expect(try weight("base_model.model." + canonical) == (isOriginal ? other : own))
            if entry.swapped.contains(where: { $0.0 == original }) {
                #expect(other.pieces.map(\.halvesSwapped) == [true])
                var piece = other.pieces[0]
                piece.halvesSwapped = false
                other = TargetView(pieces: [piece], shape: other.shape)
            }
            #expect(own == other, "\(original)")
        }
        for (original, rows, parts) in entry.fused {
            let whole = try weight("lora_unet_" + mangled(original))
            #expect(whole.shape == [rows, 4])
            let pieces = try parts.map { try weight("lycoris_" + mangled($0)) }
            #expect(Set(pieces.map(\.shape)) == [[4, 4]])
            if isOriginal {
                #expect(pieces.compactMap { $0.pieces[0].rows } == parts.indices.map { ($0 * 4)..<($0 * 4 + 4) })
                #expect(Set(pieces.map { $0.pieces[0].tensor }) == [whole.pieces[0].tensor])
            } else {
                #expect(whole.pieces == pieces.flatMap(\.pieces))
            }
        }
    }

    @Test("Queries of Lumina 2 are as wide as the model, keys and values share the rest")
    func unequalParts() throws {
        let table = NameTable(
            catalog: BaseCatalog(
                tensors: base([
                    ("cap_embedder.0.weight", [6]), ("layers.0.adaLN_modulation.1.weight", [24, 6]),
                    ("layers.0.attention.qkv.weight", [10, 6]),
                ])))
        let found = table.resolve(["to_q", "to_k", "to_v"].map { "transformer.layers.0.attn.\($0)" })
        #expect(found.map { $0.target?.weight?.pieces[0].rows } == [0..<6, 6..<8, 8..<10])
    }

    @Test("ComfyUI's names for HunyuanVideo mean the same as its own")
    func hunyuanLikeFlux() throws {
        let marker = ("txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias", [8])
        let table = NameTable(
            catalog: BaseCatalog(tensors: base([marker, ("double_blocks.0.img_attn.qkv.weight", [12, 4])])))
        let stems = ["lora_unet_double_blocks_0_img_attn_qkv", "lora_unet_double_blocks_0_img_attn_qkv"]
        let dotted = ["diffusion_model.double_blocks.0.img_attn.qkv", "diffusion_model.double_blocks.0.img_attn_qkv"]
        let views = table.resolve(stems + dotted).map { $0.target?.weight }
        #expect(Set(views) == [TargetView(pieces: [Piece(tensor: 1)], shape: [12, 4])])
    }
}
