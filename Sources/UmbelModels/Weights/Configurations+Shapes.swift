internal import UmbelTensor

/// Configurations that are read off the tensors of a checkpoint without any. What tensors cannot tell (heads, scalings) is what
/// Stable Diffusion 1, 2 and XL have; what is like none of them is refused.
extension UNetConfiguration {
    /// - Throws: if a tensor is missing, or if the number of heads cannot be known.
    package init(shapesOf weights: Weights) throws(ModelError) {
        self.init()
        inChannels = try Self.inputChannels(weights)
        inputKernel = try weights.shape("conv_in.weight", axes: 4)[2]
        let output = try weights.shape("conv_out.weight", axes: 4)
        outChannels = output[0]
        outputKernel = output[2]
        let count = weights.count("down_blocks", with: "resnets.0.conv1.weight")
        guard count > 0 else { throw .missingTensor(weights.prefix + "down_blocks.0.resnets.0.conv1.weight") }
        let context = try Self.contextSize(weights)
        for index in 0..<count {
            levels.append(try Self.level(index, of: count, weights, contextSize: context))
        }
        let middleWeights = weights["mid_block"]
        if middleWeights.has("attentions.0.norm.weight") {
            middleTransformerLayers = middleWeights["attentions.0"].count("transformer_blocks", with: "norm1.weight")
        } else {
            middle = middleWeights.has("resnets.0.conv1.weight") ? "UNetMidBlock2D" : nil
        }
        try readAddition(weights, contextSize: context)
    }

    /// 4 of the latents, and what else the U-Net is told of a picture.
    static func inputChannels(_ weights: Weights) throws(ModelError) -> Int {
        try weights.shape("conv_in.weight", axes: 4)[1]
    }

    /// Length of the text's vectors: it is the same wherever a U-Net looks at them.
    static func contextSize(_ weights: Weights) throws(ModelError) -> Int {
        for block in ["mid_block"] + (0..<16).map({ "down_blocks.\($0)" }) {
            let name = "\(block).attentions.0.transformer_blocks.0.attn2.to_k.weight"
            if weights.has(name) { return try weights.shape(name, axes: 2)[1] }
        }
        throw .unsupported(setting: "cross_attention_dim", value: "null")
    }

    private static func level(
        _ index: Int, of count: Int, _ weights: Weights, contextSize: Int
    ) throws(ModelError) -> Level {
        let (down, up) = (weights["down_blocks", index], weights["up_blocks", count - 1 - index])
        let channels = try down.shape("resnets.0.conv1.weight", axes: 4)[0]
        var level = Level(
            channels: channels, down: type(down, "DownBlock2D"), up: type(up, "UpBlock2D"),
            layers: down.count("resnets", with: "conv1.weight"))
        level.contextSize = contextSize
        level.heads = try heads(contextSize: contextSize, channels: channels)
        level.downTransformerLayers = transformers(down)
        level.upTransformerLayers = transformers(up)
        return level
    }

    private static func type(_ weights: Weights, _ plain: String) -> String {
        weights.has("attentions.0.norm.weight") ? "CrossAttn" + plain : plain
    }

    private static func transformers(_ weights: Weights) -> [Int] {
        (0..<weights.count("attentions", with: "norm.weight")).map { index in
            weights["attentions", index].count("transformer_blocks", with: "norm1.weight")
        }
    }

    /// Stable Diffusion 1 (which reads CLIP L) has 8 heads everywhere; those after it have heads of 64 channels.
    private static func heads(contextSize: Int, channels: Int) throws(ModelError) -> Int {
        switch contextSize {
        case 768: return 8
        case 1024, 1280, 2048:
            guard channels % 64 == 0 else {
                throw .unsupported(setting: "block_out_channels", value: "\(channels)")
            }
            return channels / 64
        default: throw .unsupported(setting: "cross_attention_dim", value: "\(contextSize)")
        }
    }

    /// SDXL and its refiner embed each number in 256; the rest is the pooled text.
    private mutating func readAddition(_ weights: Weights, contextSize: Int) throws(ModelError) {
        guard weights.has("add_embedding.linear_1.weight") else { return }
        let size = try weights.shape("add_embedding.linear_1.weight", axes: 2)[1]
        guard contextSize != 1024 else {
            // Stable Diffusion 2 unCLIP, which is told a picture.
            throw .unsupported(setting: "class_embed_type", value: "projection")
        }
        addition = .textAndNumbers(size: size, numberSize: 256)
    }
}

extension VAEConfiguration {
    /// - Throws: if a tensor is missing, or if the scaling of its latents cannot be known.
    package init(shapesOf weights: Weights, isSDXL: Bool) throws(ModelError) {
        self.init()
        let decoder = weights["decoder"]
        latentChannels = try decoder.shape("conv_in.weight", axes: 4)[1]
        outChannels = try decoder.shape("conv_out.weight", axes: 4)[0]
        inChannels = outChannels
        guard latentChannels == 4 else {
            throw .unsupported(setting: "latent_channels", value: "\(latentChannels)")
        }
        let count = decoder.count("up_blocks", with: "resnets.0.conv1.weight")
        channels = []
        for index in (0..<count).reversed() {
            channels.append(try decoder["up_blocks", index].shape("resnets.0.conv1.weight", axes: 4)[0])
        }
        guard !channels.isEmpty else { throw .missingTensor(decoder.prefix + "up_blocks.0.resnets.0.conv1.weight") }
        layers = decoder["up_blocks.0"].count("resnets", with: "conv1.weight") - 1
        hasMiddleAttention = decoder.has("mid_block.attentions.0.group_norm.weight")
        hasQuantConvolution = weights.has("quant_conv.weight")
        hasPostQuantConvolution = weights.has("post_quant_conv.weight")
        sampleSize = isSDXL ? 1024 : 512
        scaling = LatentScaling(factor: isSDXL ? 0.13025 : 0.18215)
    }
}

extension CLIPTextConfiguration {
    /// - Parameters:
    ///   - isOpenCLIP: it is in OpenCLIP's naming.
    ///   - layersLeftOut: how many of its last layers are not used.
    /// - Throws: if a tensor is missing, or if the number of heads cannot be known.
    package init(shapesOf weights: Weights, isOpenCLIP: Bool, layersLeftOut: Int) throws(ModelError) {
        self.init()
        let model = weights["text_model"]
        let tokens = try model.shape("embeddings.token_embedding.weight", axes: 2)
        (vocabulary, size) = (tokens[0], tokens[1])
        positions = try model.shape("embeddings.position_embedding.weight", axes: 2)[0]
        layers = model.count("encoder.layers", with: "mlp.fc1.weight") - layersLeftOut
        innerSize = try model["encoder.layers.0"].shape("mlp.fc1.weight", axes: 2)[0]
        // All of CLIP's and OpenCLIP's towers have heads of 64.
        guard size % 64 == 0 else { throw .unsupported(setting: "hidden_size", value: "\(size)") }
        heads = size / 64
        // Only OpenAI's own towers, of which L is the one that is used, have the quick form.
        activation = !isOpenCLIP && size == 768 ? .quickGELU : .gelu
        if weights.has("text_projection.weight") {
            projectionSize = try weights.shape("text_projection.weight", axes: 2)[0]
        }
        // The last of the vocabulary.
        endToken = vocabulary - 1
    }
}

extension Weights {
    /// The shape of a tensor that has so many axes.
    ///
    /// - Throws: if it is missing or has others.
    fileprivate func shape(_ name: String, axes: Int) throws(ModelError) -> [Int] {
        let shape = try tensor(name).shape
        guard shape.count == axes, !shape.contains(0) else {
            throw .shape(tensor: prefix + name, found: shape, expected: Array(repeating: 1, count: axes))
        }
        return shape
    }

    /// How many numbered parts there are that have a tensor.
    fileprivate func count(_ list: String, with name: String) -> Int {
        var count = 0
        while self[list, count].has(name) { count += 1 }
        return count
    }
}
