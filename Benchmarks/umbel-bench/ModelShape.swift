import ArgumentParser

/// Names and shapes of a model, without values.
struct ModelShape {
    private(set) var tensors: [(name: String, shape: [Int])] = []
    /// Linear layers and convolutions.
    private(set) var layers: [Layer] = []
    /// Layer and group norms.
    private(set) var norms: [Layer] = []

    struct Layer {
        /// Name of the weight without `.weight`.
        let path: String
        let shape: [Int]
        let hasBias: Bool

        var outputs: Int { shape[0] }
        var inputs: Int { shape[1] }
        var kernel: [Int] { Array(shape.dropFirst(2)) }
        var ones: [Int] { shape.dropFirst(2).map { _ in 1 } }
        var elements: Int { shape.reduce(1, *) }
        /// Inputs at every position of the kernel.
        var columns: Int { elements / outputs }
    }

    private mutating func layer(_ path: String, _ shape: Int..., bias: Bool = true) {
        layers.append(Layer(path: path, shape: shape, hasBias: bias))
        tensors.append((path + ".weight", shape))
        if bias { tensors.append((path + ".bias", [shape[0]])) }
    }

    private mutating func norm(_ path: String, _ size: Int, bias: Bool = true) {
        norms.append(Layer(path: path, shape: [size], hasBias: bias))
        tensors.append((path + ".weight", [size]))
        if bias { tensors.append((path + ".bias", [size])) }
    }
}

/// The models that can be generated.
enum ModelName: String, CaseIterable, ExpressibleByArgument {
    case sd15, qwen05b, small
    /// SD 1.5's U-Net, a fifth wider: 2.5 GB in bf16.
    case sd15Wide = "sd15-wide"
    /// At half its width: 0.43 GB in bf16, for what takes long.
    case sd15Half = "sd15-half"

    var shape: ModelShape {
        switch self {
        case .sd15: ModelShape(unetOfWidth: 320)
        case .small: ModelShape(unetOfWidth: 80)
        case .sd15Wide: ModelShape(unetOfWidth: 384)
        case .sd15Half: ModelShape(unetOfWidth: 160)
        case .qwen05b: .qwen05b
        }
    }
}

extension ModelShape {
    /// The U-Net of Stable Diffusion 1.5, as diffusers names it; there the width is 320.
    init(unetOfWidth width: Int) {
        let channels = [width, 2 * width, 4 * width, 4 * width]
        layer("conv_in", width, 4, 3, 3)
        layer("time_embedding.linear_1", 4 * width, width)
        layer("time_embedding.linear_2", 4 * width, 4 * width)
        for (level, channel) in channels.enumerated() {
            let block = "down_blocks.\(level)"
            for index in 0..<2 {
                let before = index == 0 ? channels[max(0, level - 1)] : channel
                resnet("\(block).resnets.\(index)", from: before, to: channel, time: 4 * width)
                if level < 3 { attention("\(block).attentions.\(index)", channel) }
            }
            if level < 3 { layer("\(block).downsamplers.0.conv", channel, channel, 3, 3) }
        }
        resnet("mid_block.resnets.0", from: 4 * width, to: 4 * width, time: 4 * width)
        attention("mid_block.attentions.0", 4 * width)
        resnet("mid_block.resnets.1", from: 4 * width, to: 4 * width, time: 4 * width)
        let upward = Array(channels.reversed())
        for (level, channel) in upward.enumerated() {
            let block = "up_blocks.\(level)"
            for index in 0..<3 {
                let skip = index == 2 ? upward[min(level + 1, 3)] : channel
                let before = index == 0 ? upward[max(0, level - 1)] : channel
                resnet("\(block).resnets.\(index)", from: before + skip, to: channel, time: 4 * width)
                if level > 0 { attention("\(block).attentions.\(index)", channel) }
            }
            if level < 3 { layer("\(block).upsamplers.0.conv", channel, channel, 3, 3) }
        }
        norm("conv_norm_out", width)
        layer("conv_out", 4, width, 3, 3)
    }

    private mutating func resnet(_ path: String, from inputs: Int, to outputs: Int, time: Int) {
        norm("\(path).norm1", inputs)
        layer("\(path).conv1", outputs, inputs, 3, 3)
        layer("\(path).time_emb_proj", outputs, time)
        norm("\(path).norm2", outputs)
        layer("\(path).conv2", outputs, outputs, 3, 3)
        if inputs != outputs { layer("\(path).conv_shortcut", outputs, inputs, 1, 1) }
    }

    private mutating func attention(_ path: String, _ width: Int) {
        norm("\(path).norm", width)
        layer("\(path).proj_in", width, width, 1, 1)
        let block = "\(path).transformer_blocks.0"
        for (name, context) in [("attn1", width), ("attn2", 768)] {
            norm("\(block).norm\(name.last ?? "1")", width)
            layer("\(block).\(name).to_q", width, width, bias: false)
            layer("\(block).\(name).to_k", width, context, bias: false)
            layer("\(block).\(name).to_v", width, context, bias: false)
            layer("\(block).\(name).to_out.0", width, width)
        }
        norm("\(block).norm3", width)
        layer("\(block).ff.net.0.proj", 8 * width, width)
        layer("\(block).ff.net.2", width, 4 * width)
        layer("\(path).proj_out", width, width, 1, 1)
    }

    /// Qwen2.5-0.5B. Its embedding, which adapters seldom touch, is left out of `layers`.
    static var qwen05b: ModelShape {
        var model = ModelShape()
        let (width, inner, keys) = (896, 4864, 128)
        model.tensors.append(("model.embed_tokens.weight", [151_936, width]))
        for index in 0..<24 {
            let block = "model.layers.\(index)"
            model.norm("\(block).input_layernorm", width, bias: false)
            model.layer("\(block).self_attn.q_proj", width, width)
            model.layer("\(block).self_attn.k_proj", keys, width)
            model.layer("\(block).self_attn.v_proj", keys, width)
            model.layer("\(block).self_attn.o_proj", width, width, bias: false)
            model.norm("\(block).post_attention_layernorm", width, bias: false)
            model.layer("\(block).mlp.gate_proj", inner, width, bias: false)
            model.layer("\(block).mlp.up_proj", inner, width, bias: false)
            model.layer("\(block).mlp.down_proj", width, inner, bias: false)
        }
        model.norm("model.norm", width, bias: false)
        return model
    }
}
