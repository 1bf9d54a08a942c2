import UmbelFormats

extension AdapterCase {
    static let peft: [AdapterCase] = [
        AdapterCase(
            name: "peft-lora", layers: .linear,
            config: { ["peft_type": "LORA", "r": JSON($0), "lora_alpha": JSON(8)] },
            multiplyAdds: { $0.elements * ($1 + 1) }
        ) { layer, rank in
            [
                ("lora_A.weight", [rank, layer.inputs], .noise(0.05)),
                ("lora_B.weight", [layer.outputs, rank], .noise(0.05)),
            ]
        },
        // As dora-out.
        AdapterCase(
            name: "peft-dora", layers: .linear,
            config: { ["peft_type": "LORA", "r": JSON($0), "lora_alpha": JSON(8), "use_dora": .bool(true)] },
            multiplyAdds: { $0.elements * ($1 + 3) }
        ) { layer, rank in
            [
                ("lora_A.weight", [rank, layer.inputs], .noise(0.05)),
                ("lora_B.weight", [layer.outputs, rank], .noise(0.05)),
                ("lora_magnitude_vector", [layer.outputs], .noise(0.1, around: 1)),
            ]
        },
        AdapterCase(
            name: "peft-ia3", isRanked: false, layers: .linear,
            config: { _ in ["peft_type": "IA3", "feedforward_modules": ["ff.net.2", "down_proj"]] },
            multiplyAdds: { layer, _ in layer.elements }
        ) { layer, _ in
            let isInput = layer.path.hasSuffix("ff.net.2") || layer.path.hasSuffix("down_proj")
            return [("ia3_l", isInput ? [1, layer.inputs] : [layer.outputs, 1], .noise(0.1, around: 1))]
        },
        // Rotations of q inputs: q for each weight.
        AdapterCase(
            name: "peft-oft", layers: .linear,
            config: { ["peft_type": "OFT", "r": JSON(0), "oft_block_size": JSON($0)] },
            multiplyAdds: { layer, rank in layer.elements * greatestCommonDivisor(rank, layer.inputs) }
        ) { layer, rank in
            let size = greatestCommonDivisor(rank, layer.inputs)
            return [("oft_R.weight", [layer.inputs / size, size * (size - 1) / 2], .noise(0.05))]
        },
        // r reflections: a dot product with each row and its vector taken off again.
        AdapterCase(
            name: "peft-hra", layers: .linear, config: { ["peft_type": "HRA", "r": JSON($0)] },
            multiplyAdds: { $0.elements * 2 * $1 }
        ) { layer, rank in
            [("hra_u", [layer.inputs, rank], .noise(0.1))]
        },
    ]
}
