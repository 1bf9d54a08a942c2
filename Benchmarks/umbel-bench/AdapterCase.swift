import UmbelFormats
import UmbelTensor

/// One kind of adapter that is measured: which layers it is for, and what it holds for each.
struct AdapterCase {
    typealias Layer = ModelShape.Layer

    enum Layers {
        case all, linear, largeKernels, norms
    }

    let name: String
    /// For (IA)³, Full and Norm there is none.
    var isRanked = true
    var layers = Layers.all
    /// At most this many bytes of a 16-bit base: for what needs minutes otherwise, or an adapter as large as the base.
    var limit = Int.max
    /// PEFT's `adapter_config.json`; nil for LyCORIS.
    var config: (@Sendable (Int) -> JSON)?
    /// Suffix, shape and contents of the tensors of one layer at a rank.
    let factors: @Sendable (Layer, Int) -> [(String, [Int], Fill)]

    /// Every tensor of the adapter, until its layers have `limit` bytes of a 16-bit base.
    func tensors(for model: ModelShape, rank: Int, limit: Int) -> [GeneratedTensor] {
        chosen(from: model, limit: limit).flatMap { layer in
            factors(layer, rank).map { suffix, shape, fill in
                GeneratedTensor(name: "\(stem(layer, model)).\(suffix)", shape: shape, fill: fill)
            }
        }
    }

    /// What the names of a layer's factors begin with.
    func stem(_ layer: Layer, _ model: ModelShape) -> String {
        if config != nil { return "base_model.model." + layer.path }
        let isLanguageModel = layer.path.hasPrefix("model.")
        return (isLanguageModel ? "lycoris_" : "lora_unet_") + layer.path.split(separator: ".").joined(separator: "_")
    }

    /// Layers spread evenly over the model.
    private func chosen(from model: ModelShape, limit: Int) -> [Layer] {
        let candidates =
            switch layers {
            case .all: model.layers
            case .linear: model.layers.filter { $0.shape.count == 2 }
            case .largeKernels: model.layers.filter { $0.kernel.contains { $0 > 1 } }
            case .norms: model.norms
            }
        let total = candidates.reduce(0) { $0 + $1.elements }
        let bound = min(limit, self.limit) / 2
        guard total > bound else { return candidates }
        let step = (total + bound - 1) / bound
        var left = bound
        return stride(from: 0, to: candidates.count, by: step).map { candidates[$0] }.filter { layer in
            left -= layer.elements
            return left >= 0
        }
    }
}

extension AdapterCase {
    static let all: [AdapterCase] = lycoris + peft

    private static let alpha = ("alpha", [Int](), Fill.constant(4))

    private static func pair(_ layer: Layer, _ rank: Int) -> [(String, [Int], Fill)] {
        [
            ("lora_down.weight", [rank, layer.inputs] + layer.kernel, .noise(0.05)),
            ("lora_up.weight", [layer.outputs, rank] + layer.ones, .noise(0.05)), alpha,
        ]
    }

    private static let lycoris: [AdapterCase] = [
        AdapterCase(name: "lora") { pair($0, $1) },
        AdapterCase(name: "lora-tucker", layers: .largeKernels) { layer, rank in
            [
                ("lora_mid.weight", [rank, rank] + layer.kernel, .noise(0.2)),
                ("lora_down.weight", [rank, layer.inputs] + layer.ones, .noise(0.05)),
                ("lora_up.weight", [layer.outputs, rank] + layer.ones, .noise(0.05)), alpha,
            ]
        },
        AdapterCase(name: "dora-out") { layer, rank in
            pair(layer, rank) + [("dora_scale", [layer.outputs, 1] + layer.ones, .noise(0.1, around: 1))]
        },
        AdapterCase(name: "dora-in") { layer, rank in
            pair(layer, rank) + [("dora_scale", [1, layer.inputs] + layer.ones, .noise(0.1, around: 1))]
        },
        AdapterCase(name: "loha") { layer, rank in
            let columns = layer.elements / layer.outputs
            return [
                ("hada_w1_a", [layer.outputs, rank], .noise(0.1)), ("hada_w1_b", [rank, columns], .noise(0.1)),
                ("hada_w2_a", [layer.outputs, rank], .noise(0.1)), ("hada_w2_b", [rank, columns], .noise(0.1)), alpha,
            ]
        },
        AdapterCase(name: "lokr") { layer, rank in
            let (a, c) = (greatestCommonDivisor(8, layer.outputs), greatestCommonDivisor(8, layer.inputs))
            return [
                ("lokr_w1", [a, c], .noise(0.5)), ("lokr_w2_a", [layer.outputs / a, rank], .noise(0.1)),
                ("lokr_w2_b", [rank, layer.elements / layer.outputs / c], .noise(0.1)), alpha,
            ]
        },
        AdapterCase(name: "ia3", isRanked: false, layers: .linear) { layer, _ in
            // As it is trained: keys and values along the output, feed-forward along the input.
            let onInput = layer.path.contains("ff.") || layer.path.contains("down_proj")
            let count = onInput ? layer.inputs : layer.outputs
            return [("weight", [count], .noise(0.1)), ("on_input", [], .constant(onInput ? 1 : 0))]
        },
        AdapterCase(name: "full", isRanked: false, limit: 512 << 20) { layer, _ in
            [("diff", layer.shape, .noise(0.01))] + (layer.hasBias ? [("diff_b", [layer.outputs], .noise(0.01))] : [])
        },
        AdapterCase(name: "norm", isRanked: false, layers: .norms) { layer, _ in
            [("w_norm", layer.shape, .noise(0.01))] + (layer.hasBias ? [("b_norm", layer.shape, .noise(0.01))] : [])
        },
        AdapterCase(name: "diag-oft") { layer, rank in
            let size = greatestCommonDivisor(rank, layer.outputs)
            return [("oft_blocks", [layer.outputs / size, size, size], .noise(0.05)), ("alpha", [], .constant(0))]
        },
        AdapterCase(name: "boft") { layer, rank in
            let (count, size) = butterfly(layer.outputs, size: rank)
            let stages = count.trailingZeroBitCount + 1
            return [("oft_blocks", [stages, count, size, size], .noise(0.05)), ("alpha", [], .constant(0))]
        },
        AdapterCase(name: "glora") { layer, rank in
            [
                ("a1.weight", [layer.inputs, rank], .noise(0.05)), ("a2.weight", [rank, layer.inputs], .noise(0.05)),
                ("b1.weight", [layer.outputs, rank], .noise(0.05)),
                ("b2.weight", [rank, layer.inputs] + layer.kernel, .noise(0.05)), alpha,
            ]
        },
        // A decomposition in f64 for each layer: seconds each, so a few layers only.
        AdapterCase(name: "tlora", layers: .linear, limit: 8 << 20) { layer, rank in
            [
                ("q_layer.weight", [rank, layer.inputs], .noise(0.05)),
                ("p_layer.weight", [layer.outputs, rank], .noise(0.05)),
                ("lambda_layer", [1, rank], .noise(0.1, around: 1)),
                alpha,
            ]
        },
    ]

    private static let peft: [AdapterCase] = [
        AdapterCase(
            name: "peft-lora", layers: .linear, config: { ["peft_type": "LORA", "r": JSON($0), "lora_alpha": JSON(8)] }
        ) { layer, rank in
            [
                ("lora_A.weight", [rank, layer.inputs], .noise(0.05)),
                ("lora_B.weight", [layer.outputs, rank], .noise(0.05)),
            ]
        },
        AdapterCase(
            name: "peft-dora", layers: .linear,
            config: { ["peft_type": "LORA", "r": JSON($0), "lora_alpha": JSON(8), "use_dora": .bool(true)] }
        ) { layer, rank in
            [
                ("lora_A.weight", [rank, layer.inputs], .noise(0.05)),
                ("lora_B.weight", [layer.outputs, rank], .noise(0.05)),
                ("lora_magnitude_vector", [layer.outputs], .noise(0.1, around: 1)),
            ]
        },
        AdapterCase(
            name: "peft-ia3", isRanked: false, layers: .linear,
            config: { _ in ["peft_type": "IA3", "feedforward_modules": ["ff.net.2", "down_proj"]] }
        ) { layer, _ in
            let isInput = layer.path.hasSuffix("ff.net.2") || layer.path.hasSuffix("down_proj")
            return [("ia3_l", isInput ? [1, layer.inputs] : [layer.outputs, 1], .noise(0.1, around: 1))]
        },
        AdapterCase(
            name: "peft-oft", layers: .linear,
            config: { ["peft_type": "OFT", "r": JSON(0), "oft_block_size": JSON($0)] }
        ) { layer, rank in
            let size = greatestCommonDivisor(rank, layer.inputs)
            return [("oft_R.weight", [layer.inputs / size, size * (size - 1) / 2], .noise(0.05))]
        },
        AdapterCase(name: "peft-hra", layers: .linear, config: { ["peft_type": "HRA", "r": JSON($0)] }) { layer, rank in
            [("hra_u", [layer.inputs, rank], .noise(0.1))]
        },
    ]

    /// 2ⁿ blocks of an even size near the one wanted.
    private static func butterfly(_ outputs: Int, size wanted: Int) -> (count: Int, size: Int) {
        var (count, size) = (1, outputs)
        while size % 4 == 0, size / 2 >= wanted { (count, size) = (count * 2, size / 2) }
        return (count, size)
    }
}

func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }
