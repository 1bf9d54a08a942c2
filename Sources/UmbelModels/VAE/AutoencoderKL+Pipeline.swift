internal import UmbelTensor

extension AutoencoderKL {
    /// The picture of latents as a U-Net has them, numbers about -1 … 1.
    ///
    /// - Throws: what the observer throws.
    package func picture(
        of latents: FeatureMap, tiling: Tiling? = nil, _ pass: ForwardPass
    ) throws(ModelError) -> FeatureMap {
        try decode(configuration.scaling.forDecoder(latents), tiling: tiling, pass)
    }

    /// Latents of a picture as a U-Net has them: a sample of what the encoder gives.
    ///
    /// - Parameters:
    ///   - picture: numbers -1 … 1.
    ///   - noise: so many normal numbers, channel after channel.
    /// - Throws: if there is no encoder, for a picture of a size that it does not take, and what the observer throws.
    package func latents(
        of picture: FeatureMap, tiling: Tiling? = nil, noise: (_ count: Int) -> [Float], _ pass: ForwardPass
    ) throws(ModelError) -> FeatureMap {
        let distribution = try encode(picture, tiling: tiling, pass)
        let mean = distribution.mean
        let drawn = FeatureMap(
            planes: noise(mean.values.count), batch: mean.batch, channels: mean.channels, height: mean.height,
            width: mean.width)
        return configuration.scaling.forNetwork(distribution.sample(noise: drawn))
    }
}
