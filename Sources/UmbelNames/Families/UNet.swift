extension Family {
    /// U-Nets of SD 1.x, SD 2.x, SDXL, its refiner, and whatever is built like them (names.md 7).
    ///
    /// Both namings count blocks, in different ways, so the rules are written out for the blocks the base has; no depth
    /// or width of a known model is needed.
    static let unet = Family(
        name: "unet", role: .denoiser,
        original: [Signature(present: ["input_blocks.0.0.weight"])],
        canonical: [
            Signature(present: ["conv_in.weight", "down_blocks.0.resnets.0.conv1.weight"]),
            Signature(present: ["down_blocks.0.resnets.0.conv1.weight"]),
            Signature(present: ["mid_block.resnets.0.conv1.weight"]),
        ],
        links: { names, isOriginal in UNetBlocks(names, isOriginal: isOriginal).links },
        // LyCORIS' own map writes `_2_conv` for every upsampler, also where that block has no attention and the file
        // says `.1.` (names.md 7, lycoris.md 2.2).
        aliases: { names, isOriginal in
            UNetBlocks(names, isOriginal: isOriginal).upsamplers.map { upsampler in
                Alias("output_blocks.\(upsampler.output).2.conv", ["up_blocks.\(upsampler.block).upsamplers.0.conv"])
            }
        },
        label: unetLabel,
        edition: { names in
            switch names.shape("input_blocks.0.0.weight")?.dropFirst().first
                ?? names.shape("conv_in.weight")?.dropFirst().first
            {
            case 9: "inpainting"
            case 8: "instruct-pix2pix"
            default: nil
            }
        })

    /// Only for people: the text encoder beside the U-Net tells the model, else the width of its cross-attention.
    @Sendable private static func unetLabel(whole: TensorNames, names: TensorNames) -> String? {
        if whole.contains(prefix: "conditioner.embedders.1.") { return "sdxl" }
        if whole.contains(prefix: "conditioner.embedders.0.model.") { return "sdxl-refiner" }
        if whole.contains(prefix: "cond_stage_model.model.") { return "sd2" }
        if whole.contains(prefix: "cond_stage_model.transformer.") { return "sd15" }
        let attention = names.index.keys.filter { $0.hasSuffix("attn2.to_k.weight") }.min()
        switch attention.flatMap(names.shape)?.last {
        case 768: return "sd15"
        case 1024: return "sd2"
        case 2048: return "sdxl"
        case 1280: return "sdxl-refiner"
        default: return nil
        }
    }
}

/// The blocks of one U-Net, counted in either naming.
private struct UNetBlocks {
    /// More blocks than any model has; whatever a file is called, the rules stay few.
    private static let most = 64

    let levels: Int
    let layersPerLevel: Int
    /// Upsamplers: up block, its last output block, and the place in it ("2", or "1" where there is no attention).
    private(set) var upsamplers: [(block: Int, output: Int, place: String)] = []

    init(_ names: TensorNames, isOriginal: Bool) {
        if isOriginal {
            let inputs = min(names.count(after: "input_blocks."), Self.most)
            let downsamplers = (0..<inputs).filter { names.contains("input_blocks.\($0).0.op.weight") }
            layersPerLevel = max(1, (downsamplers.first ?? inputs) - 1)
            levels = downsamplers.count + 1
        } else {
            layersPerLevel = min(max(1, names.count(after: "down_blocks.0.resnets.")), Self.most)
            levels = min(max(names.count(after: "down_blocks."), names.count(after: "up_blocks.")), Self.most)
        }
        for block in 0..<levels {
            let output = block * (layersPerLevel + 1) + layersPerLevel
            let hasAttention =
                isOriginal
                ? names.contains("output_blocks.\(output).2.conv.weight")
                : names.contains(prefix: "up_blocks.\(block).attentions.")
            upsamplers.append((block, output, hasAttention ? "2" : "1"))
        }
    }

    var links: [Link] {
        var links = Self.ends
        let perLevel = layersPerLevel + 1
        for block in 0..<levels {
            for layer in 0..<layersPerLevel {
                let input = "input_blocks.\(1 + block * perLevel + layer)"
                links += Self.resnet("\(input).0", "down_blocks.\(block).resnets.\(layer)")
                links.append(.renamed("\(input).1.{rest}", "down_blocks.\(block).attentions.\(layer).{rest}"))
            }
            links.append(
                .renamed("input_blocks.\((block + 1) * perLevel).0.op", "down_blocks.\(block).downsamplers.0.conv"))
            for layer in 0..<perLevel {
                let output = "output_blocks.\(block * perLevel + layer)"
                links += Self.resnet("\(output).0", "up_blocks.\(block).resnets.\(layer)")
                links.append(.renamed("\(output).1.{rest}", "up_blocks.\(block).attentions.\(layer).{rest}"))
            }
        }
        for (block, output, place) in upsamplers {
            links.append(.renamed("output_blocks.\(output).\(place).conv", "up_blocks.\(block).upsamplers.0.conv"))
        }
        return links
    }

    private static let ends: [Link] =
        [
            .renamed("input_blocks.0.0", "conv_in"), .renamed("out.0", "conv_norm_out"), .renamed("out.2", "conv_out"),
            .renamed("time_embed.0", "time_embedding.linear_1"), .renamed("time_embed.2", "time_embedding.linear_2"),
            // SDXL's size and pooled text, or a class: diffusers has two names for one original.
            .renamed("label_emb.0.0", "add_embedding.linear_1"), .renamed("label_emb.0.2", "add_embedding.linear_2"),
            .renamed("label_emb.0.0", "class_embedding.linear_1"),
            .renamed("label_emb.0.2", "class_embedding.linear_2"),
            .renamed("middle_block.1.{rest}", "mid_block.attentions.0.{rest}"),
        ] + resnet("middle_block.0", "mid_block.resnets.0") + resnet("middle_block.2", "mid_block.resnets.1")

    private static func resnet(_ original: String, _ canonical: String) -> [Link] {
        Link.renamed(
            under: original + ".", canonical + ".",
            [
                ("in_layers.0", "norm1"), ("in_layers.2", "conv1"), ("emb_layers.1", "time_emb_proj"),
                ("out_layers.0", "norm2"), ("out_layers.3", "conv2"), ("skip_connection", "conv_shortcut"),
            ])
    }
}
