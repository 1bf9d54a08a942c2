/// The parts that block types have in common, made by a plan.
extension BlockPlan {
    /// - Throws: if a tensor is missing or has another shape.
    func downResnets(_ style: ResnetBlock.Style? = nil) throws(ModelError) -> [ResnetBlock] {
        var resnets: [ResnetBlock] = []
        for index in 0..<level.layers {
            resnets.append(
                try ResnetBlock(
                    weights["resnets", index], inputs: index == 0 ? inputs : outputs, outputs: outputs,
                    style ?? self.style))
        }
        return resnets
    }

    /// - Throws: if a tensor is missing or has another shape.
    func upResnets(_ style: ResnetBlock.Style? = nil) throws(ModelError) -> [ResnetBlock] {
        var resnets: [ResnetBlock] = []
        for index in 0...level.layers {
            let before = index == 0 ? inputs : outputs
            let beside = index == level.layers ? skipped : outputs
            resnets.append(
                try ResnetBlock(
                    weights["resnets", index], inputs: before + beside, outputs: outputs, style ?? self.style))
        }
        return resnets
    }

    /// An attention on the text for each layer.
    ///
    /// - Parameter layers: transformer blocks of each.
    /// - Throws: if a tensor is missing or has another shape.
    func transformers(_ layers: [Int], looksOnlyAtText: Bool) throws(ModelError) -> [any PictureAttention] {
        var transformers: [any PictureAttention] = []
        for (index, count) in layers.enumerated() {
            transformers.append(
                try SpatialTransformer(
                    weights["attentions", index], channels: outputs, heads: level.heads, layers: count,
                    contextSize: level.contextSize, looksOnlyAtText: looksOnlyAtText, groups: style.groups))
        }
        return transformers
    }

    /// An attention of the places on each other for each layer.
    ///
    /// - Throws: if a tensor is missing or has another shape.
    func selfAttentions(_ count: Int) throws(ModelError) -> [any PictureAttention] {
        try checkHeadSize()
        var attentions: [any PictureAttention] = []
        for index in 0..<count {
            attentions.append(
                try SelfAttentionBlock(
                    weights["attentions", index], channels: outputs, heads: outputs / level.headSize,
                    groups: style.groups, epsilon: style.epsilon))
        }
        return attentions
    }

    /// Resnets that change neither size nor channels.
    ///
    /// - Throws: if a tensor is missing or has another shape.
    func middleResnets(_ count: Int, _ style: ResnetBlock.Style) throws(ModelError) -> [ResnetBlock] {
        var resnets: [ResnetBlock] = []
        for index in 0..<count {
            resnets.append(try ResnetBlock(weights["resnets", index], inputs: inputs, outputs: outputs, style))
        }
        return resnets
    }

    /// An attention on text and places at once for each layer.
    ///
    /// - Throws: if a tensor is missing or has another shape.
    func joinedAttentions(_ count: Int, looksOnlyAtText: Bool) throws(ModelError) -> [any PictureAttention] {
        try checkHeadSize()
        var attentions: [any PictureAttention] = []
        for index in 0..<count {
            attentions.append(
                try JoinedAttention(
                    weights["attentions", index], channels: outputs, heads: outputs / level.headSize,
                    contextSize: level.contextSize, groups: style.groups, normalizesContext: normalizesContext,
                    looksOnlyAtText: looksOnlyAtText))
        }
        return attentions
    }

    private func checkHeadSize() throws(ModelError) {
        guard level.headSize > 0, outputs % level.headSize == 0 else {
            throw .unsupported(setting: "attention_head_dim", value: "\(level.headSize) of \(outputs) channels")
        }
    }

    /// Half the size by a convolution; nil where the size stays.
    ///
    /// - Throws: if a tensor is missing or has another shape.
    func downsampler() throws(ModelError) -> Resizing? {
        guard resamples else { return nil }
        return .halving(try Downsampler(weights["downsamplers", 0], channels: outputs, padding: downsamplePadding))
    }

    /// Twice the size by a convolution; nil where the size stays.
    ///
    /// - Throws: if a tensor is missing or has another shape.
    func upsampler() throws(ModelError) -> Resizing? {
        resamples ? .doubling(try Upsampler(weights["upsamplers", 0], channels: outputs)) : nil
    }

    /// A resnet that changes the size; nil where it stays.
    ///
    /// - Throws: if a tensor is missing or has another shape.
    func resamplingResnet(_ part: String, _ resampling: ResnetBlock.Resampling) throws(ModelError) -> Resizing? {
        guard resamples else { return nil }
        return .resnet(
            try ResnetBlock(weights[part, 0], inputs: outputs, outputs: outputs, style, resampling: resampling))
    }

    /// The style of blocks that know neither another factor nor a plain time vector.
    var plainStyle: ResnetBlock.Style {
        var style = activatingStyle
        style.outputFactor = 1
        return style
    }

    /// The style of blocks that know no plain time vector.
    var activatingStyle: ResnetBlock.Style {
        var style = style
        style.skipsTimeActivation = false
        return style
    }
}
