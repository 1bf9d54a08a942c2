package import UmbelFormats

extension UNetConfiguration {
    /// Reads a `config.json` of diffusers.
    ///
    /// - Throws: for a setting that changes what is computed and is not supported, with its name.
    package init(_ json: JSON) throws(ModelError) {
        self.init()
        var settings = Settings(json)
        try settings.require("_class_name", in: ["UNet2DConditionModel"])
        inChannels = try settings.integer("in_channels", default: inChannels)
        outChannels = try settings.integer("out_channels", default: outChannels)
        sampleSize = settings.value("sample_size")?.integer
        centersInput = try settings.flag("center_input_sample")
        inputKernel = try settings.integer("conv_in_kernel", default: inputKernel)
        outputKernel = try settings.integer("conv_out_kernel", default: outputKernel)
        time = try Time(&settings)
        textProjectionSize = try Self.textProjection(&settings)
        classes = try Classes(&settings)
        concatenatesClasses = try settings.flag("class_embeddings_concat")
        addition = try Addition(&settings)
        try readBlocks(&settings)
        try Self.refuseUnsupported(&settings)
    }

    private mutating func readBlocks(_ settings: inout Settings) throws(ModelError) {
        let layout = try UNetLevels(&settings)
        levels = layout.levels
        middleTransformerLayers = layout.middleTransformerLayers
        // Here null says that there is no block, and only a missing setting has the default.
        middle = settings.isNull("mid_block_type") ? nil : try settings.text("mid_block_type") ?? middle
        // A single value for all levels holds for the middle as well.
        middleLooksOnlyAtText =
            try settings.optional("mid_block_only_cross_attention", \.bool)
            ?? settings.value("only_cross_attention")?.bool ?? false
        try settings.require("cross_attention_norm", in: ["group_norm"])
        normalizesContext = settings.value("cross_attention_norm") != nil
        middleOutputFactor = try settings.number("mid_block_scale_factor", default: middleOutputFactor)
        activation = try settings.activation("act_fn") ?? activation
        if settings.isNull("norm_num_groups") { throw .unsupported(setting: "norm_num_groups", value: "null") }
        groups = try settings.integer("norm_num_groups", default: groups)
        epsilon = try settings.number("norm_eps", default: epsilon)
        try settings.require("resnet_time_scale_shift", in: ["default", "scale_shift"])
        scalesAndShifts = try settings.text("resnet_time_scale_shift") == "scale_shift"
        skipsTimeActivation = try settings.flag("resnet_skip_time_act")
        outputFactor = try settings.number("resnet_out_scale_factor", default: outputFactor)
        downsamplePadding = try settings.integer("downsample_padding", default: downsamplePadding)
    }

    private static func textProjection(_ settings: inout Settings) throws(ModelError) -> Int? {
        try settings.require("encoder_hid_dim_type", in: ["text_proj"])
        let size = try settings.integer("encoder_hid_dim")
        if size == nil, let type = try settings.text("encoder_hid_dim_type") {
            throw .unsupported(setting: "encoder_hid_dim_type", value: type)
        }
        return size
    }

    private static func refuseUnsupported(_ settings: inout Settings) throws(ModelError) {
        // diffusers itself refuses this name; the number of heads is called `attention_head_dim`.
        try settings.require("num_attention_heads", in: [])
        try settings.require("dual_cross_attention", in: [false])
        try settings.require("attention_type", in: ["default"])
        settings.ignore([
            // Matters in training only.
            "dropout",
            // Everything is computed in f32.
            "upcast_attention",
            // The tensors say it: a 1 × 1 convolution or a linear layer.
            "use_linear_projection",
        ])
        try settings.refuseUnknown()
    }
}

extension UNetConfiguration.Time {
    init(_ settings: inout Settings) throws(ModelError) {
        kind = try settings.optional("time_embedding_type") { $0.string.flatMap(Kind.init) } ?? kind
        cosinesFirst = try settings.flag("flip_sin_to_cos", default: cosinesFirst)
        frequencyShift = try settings.number("freq_shift", default: frequencyShift)
        size = try settings.integer("time_embedding_dim")
        activation = try settings.activation("time_embedding_act_fn")
        lastActivation = try settings.activation("timestep_post_act")
        conditionSize = try settings.integer("time_cond_proj_dim")
    }
}

extension UNetConfiguration.Classes {
    /// nil if the network knows no classes.
    init?(_ settings: inout Settings) throws(ModelError) {
        let count = try settings.integer("num_class_embeds")
        let size = try settings.integer("projection_class_embeddings_input_dim")
        let type = try settings.text("class_embed_type")
        switch (type, count, size) {
        case (nil, nil, _): return nil
        case (nil, let count?, _): self = .learnt(count: count)
        case ("timestep", _, _): self = .timestep
        case ("identity", _, _): self = .identity
        case ("projection", _, let size?): self = .projection(size: size)
        case ("simple_projection", _, let size?): self = .simpleProjection(size: size)
        case ("projection", _, nil), ("simple_projection", _, nil):
            throw .unsupported(setting: "projection_class_embeddings_input_dim", value: "null")
        case (let type?, _, _): throw .unsupported(setting: "class_embed_type", value: type)
        }
    }
}

extension UNetConfiguration.Addition {
    /// nil if nothing is added.
    init?(_ settings: inout Settings) throws(ModelError) {
        let heads = try settings.integer("addition_embed_type_num_heads", default: 64)
        let numberSize = try settings.integer("addition_time_embed_dim")
        let size = try settings.integer("projection_class_embeddings_input_dim")
        switch try settings.text("addition_embed_type") {
        case nil: return nil
        case "text": self = .text(heads: heads)
        case "text_time":
            guard let numberSize else { throw .unsupported(setting: "addition_time_embed_dim", value: "null") }
            guard let size else {
                throw .unsupported(setting: "projection_class_embeddings_input_dim", value: "null")
            }
            self = .textAndNumbers(size: size, numberSize: numberSize)
        case let type?: throw .unsupported(setting: "addition_embed_type", value: type)
        }
    }
}
