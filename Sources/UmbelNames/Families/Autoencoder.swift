extension Family {
    /// The image autoencoder of SD 1, SD 2, SDXL, SD 3 and Flux (names.md 9). The decoder counts its levels from the other end in
    /// the original naming.
    static let autoencoder = Family(
        name: "vae", role: .vae,
        original: [
            Signature(present: ["encoder.down.0.block.0.norm1.weight"]),
            Signature(present: ["decoder.mid.block_1.norm1.weight"]),
        ],
        canonical: [
            Signature(present: ["encoder.down_blocks.0.resnets.0.norm1.weight"]),
            Signature(present: ["decoder.up_blocks.0.resnets.0.norm1.weight"]),
        ],
        links: { names, isOriginal in
            let levels = min(64, names.count(after: isOriginal ? "decoder.up." : "decoder.up_blocks."))
            var links = halves + resnet("encoder.down.{i}.block.{j}", "encoder.down_blocks.{i}.resnets.{j}")
            links.append(.renamed("encoder.down.{i}.downsample.conv", "encoder.down_blocks.{i}.downsamplers.0.conv"))
            for level in 0..<levels {
                let original = "decoder.up.\(levels - 1 - level)"
                let canonical = "decoder.up_blocks.\(level)"
                links += resnet("\(original).block.{j}", "\(canonical).resnets.{j}")
                links.append(.renamed("\(original).upsample.conv", "\(canonical).upsamplers.0.conv"))
            }
            return links
        },
        // Folders saved by diffusers before 0.18.
        spellings: ["encoder", "decoder"].flatMap { half in
            [("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0")].map { old, new in
                Spelling("\(half).mid_block.attentions.0.\(old)", "\(half).mid_block.attentions.0.\(new)")
            }
        })

    private static let halves: [Link] =
        ["encoder", "decoder"].flatMap { half in
            [
                .renamed("\(half).norm_out", "\(half).conv_norm_out")
            ]
                + resnet("\(half).mid.block_1", "\(half).mid_block.resnets.0")
                + resnet("\(half).mid.block_2", "\(half).mid_block.resnets.1")
                + Link.renamed(
                    under: "\(half).mid.attn_1.", "\(half).mid_block.attentions.0.",
                    [("norm", "group_norm"), ("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("proj_out", "to_out.0")])
        }

    private static func resnet(_ original: String, _ canonical: String) -> [Link] {
        [
            .renamed("\(original).nin_shortcut", "\(canonical).conv_shortcut"),
            .renamed("\(original).{rest}", "\(canonical).{rest}"),
        ]
    }
}
