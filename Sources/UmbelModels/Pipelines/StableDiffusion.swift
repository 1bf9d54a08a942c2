package import UmbelTensor

/// Draws pictures with a pipeline and the networks of a model, or of several that take turns.
package struct StableDiffusion {
    private let pipeline: DiffusionPipeline
    private let pool: ComputePool
    private let autoencoderBytes: Int

    /// - Parameter autoencoderBytes: activations of decoding and encoding; pictures that would take more go in tiles.
    package init(_ pipeline: DiffusionPipeline, pool: ComputePool, autoencoderBytes: Int = Self.autoencoderBytes) {
        self.pipeline = pipeline
        self.pool = pool
        self.autoencoderBytes = autoencoderBytes
    }

    /// Enough for 1024 × 1024 pixels whole, of the autoencoders of Stable Diffusion and SDXL.
    package static let autoencoderBytes = 4 << 30

    /// - Parameters:
    ///   - embeddings: trained words, which prompts may use; of a word that several have, the first one's is meant.
    ///   - networks: those for a part of the steps that is done, 0 to 1; the first ones decode.
    ///   - share: what drawings before have made and this one may use.
    ///   - checkpoint: is called again and again within a step; `cancelled` thrown from it ends the drawing.
    ///   - progress: after each step of each picture; steps are counted over all pictures that do not share them. What it
    ///     throws ends the drawing.
    /// - Returns: as many pictures as were asked for.
    /// - Throws: for what this model cannot do.
    package func draw(
        _ request: DrawingRequest, embeddings: [TextualInversion] = [],
        networks: @escaping (_ done: Double) throws(ModelError) -> DiffusionNetworks,
        sharing share: DrawingShare = DrawingShare(),
        checkpoint: @escaping DrawingWatch.Checkpoint = { () throws(ModelError) in },
        progress: @escaping DrawingWatch.Progress
    ) throws(ModelError) -> [DrawnPicture] {
        try checkFamily(request)
        let watch = DrawingWatch(checkpoint: checkpoint, progress: progress)
        let first = try networks(0)
        let size = try PictureSize(
            width: request.width, height: request.height, trained: first.unet.configuration.sampleSize ?? 64,
            factor: first.vae.configuration.factor)
        let schedule = try schedule(for: request)
        let seeds = (0..<UInt64(request.count)).map { request.seed &+ $0 }
        let groups = request.seeding == .together ? [seeds] : seeds.map { [$0] }
        let evaluations = schedule.plan.evaluations
        let begun = try request.start.map { (start) throws(ModelError) in
            try Self.start(schedule.plan, strength: start.strength)
        }
        let steps = evaluations - (begun ?? 0)
        var pictures: [DrawnPicture] = []
        for (index, group) in groups.enumerated() {
            let done = index * steps
            let total = groups.count * steps
            func report(_ step: Int, _ latents: Latents) throws(ModelError) {
                let preview = Preview(
                    latents: latents, networks: first, seed: group[0], pool: pool, bytes: autoencoderBytes)
                try progress(
                    DrawingProgress(
                        step: done + step, steps: total, preview: { preview.picture }, latents: latents.values))
            }
            try progress(DrawingProgress(step: done, steps: total))
            let run = DrawingRun(
                pipeline: pipeline, request: request, size: size, schedule: schedule, pool: pool,
                autoencoderBytes: autoencoderBytes, seed: group[0], share: share, watch: watch, networks: networks,
                embeddings: embeddings)
            let latents: Latents
            switch request.noise {
            case .cpu:
                latents = try run.latents(
                    count: group.count, noise: TorchNoise(seed: group[0]), progress: report)
            case .gpu:
                latents = try run.latents(
                    count: group.count, noise: PhiloxNoise(seed: group[0]), progress: report)
            }
            pictures += try decoded(latents, first.vae, seeds: group, watch)
        }
        return pictures
    }

    /// - Throws: for what only SDXL has a use for, with another model.
    private func checkFamily(_ request: DrawingRequest) throws(ModelError) {
        guard pipeline.family != .xl else { return }
        let fields: [(name: String, isGiven: Bool)] =
            [
                ("prompt_2", request.secondPrompt != nil), ("negative_prompt_2", request.secondNegativePrompt != nil),
            ] + Self.fields(request.sizes, "") + Self.fields(request.negativeSizes, "negative_")
        guard let field = fields.first(where: \.isGiven) else { return }
        throw .request(field: field.name, value: "given", expected: "absent: only SDXL has a use for it")
    }

    /// The fields that say what SDXL is told of sizes.
    private static func fields(_ sizes: DrawingRequest.Sizes?, _ prefix: String) -> [(name: String, isGiven: Bool)] {
        [
            (prefix + "original_size", sizes?.original != nil), (prefix + "target_size", sizes?.target != nil),
            (prefix + "crops_coords_top_left", sizes != nil),
        ]
    }

    private static func start(_ plan: SchedulePlan, strength: Double) throws(ModelError) -> Int {
        do {
            return try plan.start(strength: strength)
        } catch {
            throw .request(field: "strength", value: "\(strength)", expected: "above 0, up to 1, and a step to do")
        }
    }

    private func schedule(for request: DrawingRequest) throws(ModelError) -> any Schedule {
        guard (1...Self.mostSteps).contains(request.steps) else {
            throw .request(field: "steps", value: "\(request.steps)", expected: "1 to \(Self.mostSteps)")
        }
        do {
            let config = try SamplerNames.config(
                sampler: request.sampler, schedule: request.schedule, from: pipeline.schedule)
            return try Schedules.make(config, steps: request.steps, eta: request.eta)
        } catch {
            throw .schedule(error)
        }
    }

    private static let mostSteps = 1000

    private func decoded(
        _ latents: Latents, _ vae: AutoencoderKL, seeds: [UInt64], _ watch: DrawingWatch
    ) throws(ModelError) -> [DrawnPicture] {
        var pictures: [DrawnPicture] = []
        for (index, seed) in seeds.enumerated() {
            let map = try vae.picture(
                of: latents.map(of: index), tiling: latents.tiling(vae, within: autoencoderBytes), watch.pass(pool))
            pictures.append(DrawnPicture(map, seed: seed))
        }
        return pictures
    }
}

/// What is there of a picture so far, small.
private struct Preview: Sendable {
    let latents: Latents
    let networks: DiffusionNetworks
    let seed: UInt64
    let pool: ComputePool
    let bytes: Int

    /// Decoded from a quarter of the latents; grey if that fails.
    var picture: DrawnPicture {
        let small = latents.map(of: 0).halved()
        let factor = networks.vae.configuration.factor
        let tiling = networks.vae.tiling(height: small.height * factor, width: small.width * factor, within: bytes)
        guard let map = try? networks.vae.picture(of: small, tiling: tiling, ForwardPass(pool: pool)) else {
            return DrawnPicture(width: 8, height: 8, pixels: [UInt8](repeating: 128, count: 192), seed: seed)
        }
        return DrawnPicture(map, seed: seed)
    }
}

extension Latents {
    fileprivate func tiling(_ vae: AutoencoderKL, within bytes: Int) -> Tiling? {
        let factor = vae.configuration.factor
        return vae.tiling(height: height * factor, width: width * factor, within: bytes)
    }
}

extension FeatureMap {
    /// Every other place of every other line; itself if it is too small for that.
    fileprivate func halved() -> FeatureMap {
        guard height >= 16, width >= 16 else { return self }
        let out = FeatureMap(batch: batch, height: height / 2, width: width / 2, channels: channels)
        for index in 0..<out.values.rows {
            let (line, column) = (index / out.width, index % out.width)
            let (picture, row) = (line / out.height, line % out.height)
            let from = values.row((picture * height + 2 * row) * width + 2 * column)
            out.values.row(index).update(from: from, count: channels)
        }
        return out
    }
}

extension DrawnPicture {
    /// From -1…1 for each of red, green and blue: rounded half to even.
    init(_ map: FeatureMap, seed: UInt64) {
        precondition(map.batch == 1 && map.channels == 3)
        let pixels = (0..<map.values.count).map { index -> UInt8 in
            let value = min(1, max(0, map.values.start[index] / 2 + 0.5))
            return value.isNaN ? 0 : UInt8((value * 255).rounded(.toNearestOrEven))
        }
        self.init(width: map.width, height: map.height, pixels: pixels, seed: seed)
    }
}
