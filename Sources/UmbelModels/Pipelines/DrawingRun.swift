internal import UmbelTensor

/// One drawing under way: from noise, or a picture with noise, to latents, step by step.
struct DrawingRun {
    let pipeline: DiffusionPipeline
    let request: DrawingRequest
    let size: PictureSize
    let schedule: any Schedule
    let pool: ComputePool
    /// What encoding a picture may take.
    let autoencoderBytes: Int
    /// The first seed of its pictures.
    let seed: UInt64
    let share: DrawingShare
    let watch: DrawingWatch
    /// The networks for a part of the steps.
    let networks: (_ done: Double) throws(ModelError) -> DiffusionNetworks
    /// Trained words, which prompts may use.
    let embeddings: [TextualInversion]

    /// - Parameters:
    ///   - count: pictures that share the noise.
    ///   - progress: is called after each step with the latents as they are then.
    func latents(
        count: Int, noise source: consuming some NoiseSource,
        progress: (_ step: Int, _ latents: Latents) throws(ModelError) -> Void
    ) throws(ModelError) -> Latents {
        var source = source
        let networks = try networks(0)
        let plan = schedule.plan
        var beginning = try StartingLatents(self, networks, count: count, noise: &source)
        var run = schedule.run(count: beginning.latents.values.count, from: beginning.evaluation)
        var conditioner = StepConditions(self)
        while let timestep = run.timestep {
            let index = run.index
            let conditions = try conditioner.conditions(at: index, of: plan.evaluations)
            let output = try predicted(
                beginning.latents, timestep, conditions, inputScale: plan.inputScale(at: index), beginning.extraInputs)
            beginning.latents.values.withUnsafeMutableBufferPointer { sample in
                output.withUnsafeBufferPointer { output in
                    guard let sample = sample.baseAddress, let output = output.baseAddress else { return }
                    run.step(output: output, sample: sample, noise: &source)
                }
            }
            beginning.keepUnmasked(plan, next: run.timestep == nil ? nil : run.index)
            try progress(index + 1 - beginning.evaluation, beginning.latents)
        }
        return beginning.latents
    }

    /// Places of the latents, of all samples of an evaluation, up to which several pictures go together: layers of small
    /// pictures take as long to read their weights as to compute. Enough for two pictures of 512 × 512 with guidance.
    private static let placesTogether = 4 * 64 * 64

    /// What the U-Net says of all pictures, channels first.
    private func predicted(
        _ latents: Latents, _ timestep: Float, _ conditions: StepConditions.Conditions, inputScale: Float,
        _ extraInputs: FeatureMap?
    ) throws(ModelError) -> [Float] {
        var output: [Float] = []
        output.reserveCapacity(latents.values.count)
        let texts = conditions.texts.count
        let together = max(1, Self.placesTogether / (texts * latents.height * latents.width))
        let pass = watch.pass(pool)
        for first in stride(from: 0, to: latents.batch, by: together) {
            let pictures = first..<min(latents.batch, first + together)
            var input = latents.map(of: pictures, scaledBy: inputScale)
            if let extraInputs { input = input.concatenated(with: extraInputs.repeated(pictures.count), pool: pool) }
            let noise = try conditions.unet(
                input.repeated(texts), timestep: timestep, conditions.inputs(pictures.count), pass)
            output += texts == 2 ? guided(noise.planes(), latents.size) : noise.planes()
        }
        return output
    }

    /// - Parameters:
    ///   - planes: for each picture what is said without the prompt, then with it.
    ///   - size: numbers of a picture.
    private func guided(_ planes: [Float], _ size: Int) -> [Float] {
        let guidance = Guidance(scale: Float(request.guidance), rescale: Float(request.guidanceRescale))
        var out = [Float](repeating: 0, count: planes.count / 2)
        out.withUnsafeMutableBufferPointer { out in
            planes.withUnsafeBufferPointer { planes in
                guard let out = out.baseAddress, let pairs = planes.baseAddress else { return }
                for start in stride(from: 0, to: planes.count / 2, by: size) {
                    guidance.apply(pairs + 2 * start, count: size, to: out + start)
                }
            }
        }
        return out
    }
}
