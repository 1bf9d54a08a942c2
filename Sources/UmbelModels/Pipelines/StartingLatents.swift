internal import UmbelTensor

/// What a drawing begins with: noise, or a picture's latents with noise; and what is put back where a mask keeps the picture.
struct StartingLatents {
    var latents: Latents
    /// The evaluation of the schedule that comes first.
    let evaluation: Int
    /// For a U-Net that takes them beside the latents: mask and masked picture, the same for all pictures.
    let extraInputs: FeatureMap?
    /// The picture's own latents and the noise, where a mask keeps something and the U-Net does not see it itself.
    private let kept: (picture: [Float], noise: [Float], mask: [Float])?

    /// Draws noise as diffusers' pipelines do: first that of the picture's encoding, then that of the latents, then that of
    /// the masked picture's encoding.
    init(
        _ run: DrawingRun, _ networks: DiffusionNetworks, count: Int, noise: inout some NoiseSource
    ) throws(ModelError) {
        let size = run.size
        let channels = networks.vae.configuration.latentChannels
        let plan = run.schedule.plan
        var latents = Latents(
            values: [], batch: count, channels: channels, height: size.latentHeight, width: size.latentWidth)
        guard let start = run.request.start else {
            guard networks.unet.configuration.inChannels == channels else {
                throw .request(
                    field: "image", value: "none", expected: "a picture and a mask, which this model draws into")
            }
            let key = DrawingShare.NoiseKey(kind: run.request.noise, seed: run.seed, count: count * latents.size)
            latents.values = run.share.startingNoise(key, from: &noise).map { $0 * plan.initialScale }
            (self.latents, evaluation, extraInputs, kept) = (latents, 0, nil, nil)
            return
        }
        let picture = Self.map(of: start.pixels, size)
        let isWhole = start.mask != nil && start.strength == 1
        let seesMask = networks.unet.configuration.inChannels > channels
        // An inpainting pipeline at full strength begins from noise alone and encodes the picture only if it has to put it
        // back.
        var encoded: [Float] = []
        if !isWhole || !seesMask {
            encoded = try Self.encoded(picture, networks.vae, noise: &noise, run)
        }
        let drawn = noise.draw(count * latents.size)
        let first: Int
        do {
            first = try plan.start(strength: start.strength)
        } catch {
            throw .request(field: "strength", value: "\(start.strength)", expected: "above 0, up to 1")
        }
        if isWhole {
            latents.values = drawn.map { $0 * plan.initialScale }
        } else {
            latents.values = (0..<count).flatMap { _ in encoded }
            latents.values.withUnsafeMutableBufferPointer { plan.addNoise(to: $0, noise: drawn, at: first) }
        }
        let mask = start.mask.map { Self.shrunk($0, size) }
        if seesMask {
            guard let mask, let pixels = start.mask else {
                throw .request(
                    field: "mask", value: "none", expected: "a mask, which this model takes beside the picture")
            }
            let masked = Self.map(of: start.pixels, size, keeping: pixels)
            let hidden = try Self.encoded(masked, networks.vae, noise: &noise, run)
            extraInputs = FeatureMap(
                planes: mask + hidden, batch: 1, channels: channels + 1, height: size.latentHeight,
                width: size.latentWidth)
            kept = nil
        } else {
            extraInputs = nil
            // diffusers encodes the masked picture here too, and has no use for it; what its noise takes is taken.
            if mask != nil { _ = noise.draw(latents.size) }
            kept = mask.map { ((0..<count).flatMap { _ in encoded }, drawn, $0) }
        }
        (self.latents, evaluation) = (latents, first)
    }

    /// Puts the picture back where the mask keeps it, with as much noise as the next evaluation expects.
    mutating func keepUnmasked(_ plan: SchedulePlan, next: Int?) {
        guard let kept else { return }
        var original = kept.picture
        if let next {
            original.withUnsafeMutableBufferPointer { plan.addNoise(to: $0, noise: kept.noise, at: next) }
        }
        let places = latents.height * latents.width
        for index in latents.values.indices {
            let mask = kept.mask[index % places]
            latents.values[index] = (1 - mask) * original[index] + mask * latents.values[index]
        }
    }

    /// Channel after channel.
    private static func encoded(
        _ picture: FeatureMap, _ vae: AutoencoderKL, noise: inout some NoiseSource, _ run: DrawingRun
    ) throws(ModelError) -> [Float] {
        let places = picture.places / (vae.configuration.factor * vae.configuration.factor)
        let drawn = noise.draw(vae.configuration.latentChannels * places)
        let tiling = vae.tiling(height: picture.height, width: picture.width, within: run.autoencoderBytes)
        let latents = try vae.latents(of: picture, tiling: tiling, noise: { _ in drawn }, run.watch.pass(run.pool))
        return latents.planes()
    }

    /// -1…1, and 0 where a mask draws.
    private static func map(of pixels: [UInt8], _ size: PictureSize, keeping mask: [UInt8]? = nil) -> FeatureMap {
        let map = FeatureMap(batch: 1, height: size.height, width: size.width, channels: 3)
        precondition(pixels.count == map.values.count)
        for index in pixels.indices {
            let isHidden = mask.map { $0[index / 3] >= 128 } ?? false
            map.values.start[index] = isHidden ? 0 : Float(pixels[index]) / 255 * 2 - 1
        }
        return map
    }

    /// 1 where is drawn, in the size of the latents, by the nearest pixel above and to the left.
    private static func shrunk(_ mask: [UInt8], _ size: PictureSize) -> [Float] {
        (0..<size.latentHeight * size.latentWidth).map { index in
            let (row, column) = (index / size.latentWidth, index % size.latentWidth)
            return mask[row * size.factor * size.width + column * size.factor] >= 128 ? 1 : 0
        }
    }
}
