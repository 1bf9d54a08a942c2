package import UmbelFormats
internal import UmbelTensor

/// How an `AutoencoderKL` is built. The defaults are those of diffusers.
package struct VAEConfiguration: Hashable, Sendable {
    package var inChannels = 3
    package var outChannels = 3
    /// From the largest pictures to the smallest.
    package var channels = [64]
    /// Resnets of each level on the way in; on the way out there is one more.
    package var layers = 1
    package var latentChannels = 4
    package var groups = 32
    package var activation = Activation.silu
    package var hasMiddleAttention = true
    package var hasQuantConvolution = true
    package var hasPostQuantConvolution = true
    /// Of the pictures it was trained on; what is larger may be computed in tiles of this size.
    package var sampleSize = 32
    package var scaling = LatentScaling()

    package init() {}

    /// How many places of a picture, in each direction, are one place of the latents.
    package var factor: Int { 1 << (channels.count - 1) }

    /// Bytes of activations while a picture is decoded or encoded whole, about: of the widest resnet, in f32, what comes in,
    /// its norm, what is computed of that and what was there before. A process at 1024 × 1024 pixels held as much.
    package func activationBytes(height: Int, width: Int) -> Int {
        // On the way out a level's first resnet has the channels of the level below at its own size.
        let widest = channels.indices.map { level in
            let most = channels[min(level + 1, channels.count - 1)]
            return 4 * (max(most, channels[level]) >> (2 * level))
        }
        return MemoryLayout<Float>.stride * height * width * (widest.max() ?? 0)
    }

    /// Side of the largest squares that can be computed in so much memory, in places of the picture: that of the pictures it
    /// was trained on, or a half or a quarter of it.
    package func tileSide(within bytes: Int) -> Int {
        var side = sampleSize
        while side > Self.smallestTile, activationBytes(height: side, width: side) > bytes { side /= 2 }
        return side
    }

    /// Smaller tiles would show.
    private static let smallestTile = 256

    /// Reads a `config.json` of diffusers.
    ///
    /// - Throws: for a setting that changes what is computed and is not supported, with its name.
    package init(_ json: JSON) throws(ModelError) {
        self.init()
        var settings = Settings(json)
        try settings.require("_class_name", in: ["AutoencoderKL"])
        inChannels = try settings.integer("in_channels", default: inChannels)
        outChannels = try settings.integer("out_channels", default: outChannels)
        channels = try settings.integers("block_out_channels") ?? channels
        guard (1...16).contains(channels.count) else {
            throw .unsupported(setting: "block_out_channels", value: channels.shapeText)
        }
        for (name, only) in [("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")] {
            let types = try settings.texts(name) ?? Array(repeating: only, count: channels.count)
            if let other = types.first(where: { $0 != only }) { throw .unsupported(setting: name, value: other) }
            try UNetLevels.check(types.count, channels.count, name)
        }
        layers = try settings.integer("layers_per_block", default: layers)
        latentChannels = try settings.integer("latent_channels", default: latentChannels)
        groups = try settings.integer("norm_num_groups", default: groups)
        activation = try settings.activation("act_fn") ?? activation
        hasMiddleAttention = try settings.flag("mid_block_add_attention", default: true)
        hasQuantConvolution = try settings.flag("use_quant_conv", default: true)
        hasPostQuantConvolution = try settings.flag("use_post_quant_conv", default: true)
        let size = try settings.optional("sample_size") { $0.integer ?? $0.array?.first?.integer }
        sampleSize = size ?? sampleSize
        scaling = try LatentScaling(&settings, channels: latentChannels)
        // Everything is computed in f32.
        settings.ignore(["force_upcast"])
        try settings.refuseUnknown()
    }
}
