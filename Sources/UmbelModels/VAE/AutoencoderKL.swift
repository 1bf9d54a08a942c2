internal import Glibc
internal import UmbelTensor

/// diffusers' `AutoencoderKL`: pictures to latents and back.
package struct AutoencoderKL: Sendable {
    package let configuration: VAEConfiguration
    private let encoder: Encoder?
    private let quant: Convolution?
    private let postQuant: Convolution?
    private let decoder: Decoder

    /// - Parameter weights: by the names of diffusers. Without an encoder in them only decoding works.
    /// - Throws: if a tensor is missing or has another shape.
    package init(_ configuration: VAEConfiguration, _ weights: Weights) throws(ModelError) {
        self.configuration = configuration
        let latents = configuration.latentChannels
        encoder = weights.has("encoder.conv_in.weight") ? try Encoder(weights["encoder"], configuration) : nil
        decoder = try Decoder(weights["decoder"], configuration)
        quant =
            configuration.hasQuantConvolution && encoder != nil
            ? try weights.convolution("quant_conv", inputs: 2 * latents, outputs: 2 * latents, kernel: 1) : nil
        postQuant =
            configuration.hasPostQuantConvolution
            ? try weights.convolution("post_quant_conv", inputs: latents, outputs: latents, kernel: 1) : nil
    }

    /// Squares of the size that the autoencoder was trained on, or of another one.
    package func tiling(pictureSize: Int? = nil) -> Tiling {
        Tiling(pictureSize: pictureSize ?? configuration.sampleSize, reduction: configuration.factor)
    }

    /// No squares for a picture that can be computed whole in so much memory, else the largest ones that can, up to the size
    /// that the autoencoder was trained on: tiles change a picture a little, so they are for what does not go without.
    ///
    /// - Parameters:
    ///   - height: of the picture, and so `width`.
    ///   - bytes: for activations.
    package func tiling(height: Int, width: Int, within bytes: Int) -> Tiling? {
        guard configuration.activationBytes(height: height, width: width) > bytes else { return nil }
        return tiling(pictureSize: configuration.tileSide(within: bytes))
    }

    /// - Parameters:
    ///   - latents: as the encoder gives them, without the scaling that a U-Net wants.
    ///   - tiling: nil for the whole at once.
    /// - Returns: a picture of numbers about -1 … 1, not clamped.
    /// - Throws: what the observer throws; with tiles it sees the parts of each.
    package func decode(
        _ latents: FeatureMap, tiling: Tiling? = nil, _ pass: ForwardPass
    ) throws(ModelError) -> FeatureMap {
        guard latents.channels == configuration.latentChannels else { throw .missingInput("latents") }
        guard let tiling, tiling.applies(height: latents.height, width: latents.width) else {
            return try decodeWhole(latents, pass)
        }
        return try tiling.run(latents, sources: 1, results: configuration.factor) { tile throws(ModelError) in
            try decodeWhole(tile, pass)
        }
    }

    /// - Parameters:
    ///   - picture: numbers -1 … 1; height and width are multiples of `reduction`.
    ///   - tiling: nil for the whole at once.
    /// - Throws: if there is no encoder, and what the observer throws.
    package func encode(
        _ picture: FeatureMap, tiling: Tiling? = nil, _ pass: ForwardPass
    ) throws(ModelError) -> LatentDistribution {
        let reduction = configuration.factor
        guard picture.channels == configuration.inChannels, picture.height % reduction == 0,
            picture.width % reduction == 0
        else { throw .missingInput("image") }
        guard let tiling, tiling.applies(height: picture.height / reduction, width: picture.width / reduction) else {
            return LatentDistribution(moments: try encodeWhole(picture, pass))
        }
        let moments = try tiling.run(picture, sources: reduction, results: 1) { tile throws(ModelError) in
            try encodeWhole(tile, pass)
        }
        return LatentDistribution(moments: moments)
    }

    private func decodeWhole(_ latents: FeatureMap, _ pass: ForwardPass) throws(ModelError) -> FeatureMap {
        let input = postQuant.map { $0(latents, pool: pass.pool) } ?? latents
        try pass.finished("post_quant_conv", input)
        return try decoder(input, pass)
    }

    private func encodeWhole(_ picture: FeatureMap, _ pass: ForwardPass) throws(ModelError) -> FeatureMap {
        guard let encoder else { throw .missingTensor("encoder.conv_in.weight") }
        let moments = try encoder(picture, pass)
        return quant.map { $0(moments, pool: pass.pool) } ?? moments
    }
}

/// What an encoder gives: a normal distribution for each number of the latents.
package struct LatentDistribution: Sendable {
    package let mean: FeatureMap
    /// Clamped to -30 … 20.
    package let logVariance: FeatureMap

    /// - Parameter moments: means of all channels, then their log-variances.
    init(moments: FeatureMap) {
        let channels = moments.channels / 2
        func half(_ offset: Int) -> FeatureMap {
            let out = Matrix(rows: moments.values.rows, columns: channels)
            for row in 0..<out.rows { out.row(row).update(from: moments.values.row(row) + offset, count: channels) }
            return moments.with(out)
        }
        mean = half(0)
        logVariance = half(channels)
        let values = logVariance.values
        for index in 0..<values.count { values.start[index] = min(20, max(-30, values.start[index])) }
    }

    /// mean + exp(logVariance / 2) · noise
    ///
    /// - Precondition: `noise` has the mean's size.
    package func sample(noise: FeatureMap) -> FeatureMap {
        precondition(noise.values.rows == mean.values.rows && noise.channels == mean.channels)
        let out = mean.with(Matrix(rows: mean.values.rows, columns: mean.channels))
        for index in 0..<mean.values.count {
            let deviation = expf(0.5 * logVariance.values.start[index])
            out.values.start[index] = mean.values.start[index] + deviation * noise.values.start[index]
        }
        return out
    }
}
