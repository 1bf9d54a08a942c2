extension AdapterCase {
    private static let alpha = ("alpha", [Int](), Fill.constant(4))

    private static func pair(_ layer: Layer, _ rank: Int) -> [(String, [Int], Fill)] {
        [
            ("lora_down.weight", [rank, layer.inputs] + layer.kernel, .noise(0.05)),
            ("lora_up.weight", [layer.outputs, rank] + layer.ones, .noise(0.05)), alpha,
        ]
    }

    static let lycoris: [AdapterCase] = [
        // up · down: r for each weight, and one that adds it to the weight. That one cannot be saved by scaling a factor
        // before: the bytes are those of a product that is scaled and added in one rounding.
        AdapterCase(name: "lora", multiplyAdds: { $0.elements * ($1 + 1) }) { pair($0, $1) },
        // up · (core · down): as LoRA, after core and down are put together, r for each of r × inputs × kernel.
        AdapterCase(
            name: "lora-tucker", layers: .largeKernels,
            multiplyAdds: { layer, rank in layer.elements * (rank + 1) + rank * rank * layer.columns }
        ) { layer, rank in
            [
                ("lora_mid.weight", [rank, rank] + layer.kernel, .noise(0.2)),
                ("lora_down.weight", [rank, layer.inputs] + layer.ones, .noise(0.05)),
                ("lora_up.weight", [layer.outputs, rank] + layer.ones, .noise(0.05)), alpha,
            ]
        },
        // As LoRA; the square for the norm of the row, and the scale. A row stays in cache, so its product is needed once.
        AdapterCase(name: "dora-out", multiplyAdds: { $0.elements * ($1 + 3) }) { layer, rank in
            pair(layer, rank) + [("dora_scale", [layer.outputs, 1] + layer.ones, .noise(0.1, around: 1))]
        },
        // Norms of columns are known after the last row: the sum is needed twice, or would have to be stored.
        AdapterCase(name: "dora-in", multiplyAdds: { $0.elements * (2 * ($1 + 1) + 2) }) { layer, rank in
            pair(layer, rank) + [("dora_scale", [1, layer.inputs] + layer.ones, .noise(0.1, around: 1))]
        },
        // Two products of r, one for multiplying them and one that adds the result to the weight.
        AdapterCase(name: "loha", multiplyAdds: { $0.elements * (2 * $1 + 2) }) { layer, rank in
            [
                ("hada_w1_a", [layer.outputs, rank], .noise(0.1)),
                ("hada_w1_b", [rank, layer.columns], .noise(0.1)),
                ("hada_w2_a", [layer.outputs, rank], .noise(0.1)),
                ("hada_w2_b", [rank, layer.columns], .noise(0.1)), alpha,
            ]
        },
        // w1 ⊗ (w2_a · w2_b): one for each weight, whose rounded result is added by another, and r for each element of the
        // smaller second factor.
        AdapterCase(
            name: "lokr",
            multiplyAdds: { layer, rank in
                let (a, c) = kroneckerFactor(of: layer)
                return 2 * layer.elements + layer.elements / (a * c) * rank
            }
        ) { layer, rank in
            let (a, c) = kroneckerFactor(of: layer)
            return [
                ("lokr_w1", [a, c], .noise(0.5)), ("lokr_w2_a", [layer.outputs / a, rank], .noise(0.1)),
                ("lokr_w2_b", [rank, layer.columns / c], .noise(0.1)), alpha,
            ]
        },
        AdapterCase(name: "ia3", isRanked: false, layers: .linear, multiplyAdds: { layer, _ in layer.elements }) {
            layer, _ in
            // As it is trained: keys and values along the output, feed-forward along the input.
            let onInput = layer.path.contains("ff.") || layer.path.contains("down_proj")
            let count = onInput ? layer.inputs : layer.outputs
            return [("weight", [count], .noise(0.1)), ("on_input", [], .constant(onInput ? 1 : 0))]
        },
        AdapterCase(
            name: "full", isRanked: false, isDense: true, limit: 512 << 20,
            multiplyAdds: { layer, _ in layer.elements + (layer.hasBias ? layer.outputs : 0) }
        ) { layer, _ in
            [("diff", layer.shape, .noise(0.01))] + (layer.hasBias ? [("diff_b", [layer.outputs], .noise(0.01))] : [])
        },
        AdapterCase(
            name: "norm", isRanked: false, layers: .norms, isDense: true,
            multiplyAdds: { layer, _ in layer.elements * (layer.hasBias ? 2 : 1) }
        ) { layer, _ in
            [("w_norm", layer.shape, .noise(0.01))] + (layer.hasBias ? [("b_norm", layer.shape, .noise(0.01))] : [])
        },
        // Rotations of q rows: q for each weight.
        AdapterCase(
            name: "diag-oft",
            multiplyAdds: { layer, rank in layer.elements * greatestCommonDivisor(rank, layer.outputs) }
        ) { layer, rank in
            let size = greatestCommonDivisor(rank, layer.outputs)
            return [("oft_blocks", [layer.outputs / size, size, size], .noise(0.05)), ("alpha", [], .constant(0))]
        },
        // The same once for each stage.
        AdapterCase(
            name: "boft",
            multiplyAdds: { layer, rank in
                let (stages, _, size) = butterfly(layer.outputs, size: rank)
                return layer.elements * stages * size
            }
        ) { layer, rank in
            let (stages, count, size) = butterfly(layer.outputs, size: rank)
            return [("oft_blocks", [stages, count, size, size], .noise(0.05)), ("alpha", [], .constant(0))]
        },
        // W · a1 · a2 + b1 · b2: three products with an inner or outer size of r, their sum, and adding it to the weight.
        AdapterCase(name: "glora", multiplyAdds: { $0.elements * (3 * $1 + 2) }) { layer, rank in
            [
                ("a1.weight", [layer.inputs, rank], .noise(0.05)), ("a2.weight", [rank, layer.inputs], .noise(0.05)),
                ("b1.weight", [layer.outputs, rank], .noise(0.05)),
                ("b2.weight", [rank, layer.inputs] + layer.kernel, .noise(0.05)), alpha,
            ]
        },
        // Two products of r. Before them, the r largest singular vectors of the weight have to be found, which no fixed number
        // of multiply-adds does; so its share of the roofline says little. Few layers, as each takes long.
        AdapterCase(name: "tlora", layers: .linear, limit: 8 << 20, multiplyAdds: { $0.elements * 2 * $1 }) {
            layer, rank in
            [
                ("q_layer.weight", [rank, layer.inputs], .noise(0.05)),
                ("p_layer.weight", [layer.outputs, rank], .noise(0.05)),
                ("lambda_layer", [1, rank], .noise(0.1, around: 1)),
                alpha,
            ]
        },
    ]

    /// Shape of the first factor: as near to 8 × 8 as divides the weight.
    private static func kroneckerFactor(of layer: Layer) -> (Int, Int) {
        (greatestCommonDivisor(8, layer.outputs), greatestCommonDivisor(8, layer.inputs))
    }

    /// 2ⁿ blocks of an even size near the one wanted, and n + 1 stages.
    private static func butterfly(_ outputs: Int, size wanted: Int) -> (stages: Int, count: Int, size: Int) {
        var (count, size) = (1, outputs)
        while size % 4 == 0, size / 2 >= wanted { (count, size) = (count * 2, size / 2) }
        return (count.trailingZeroBitCount + 1, count, size)
    }
}

func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }
