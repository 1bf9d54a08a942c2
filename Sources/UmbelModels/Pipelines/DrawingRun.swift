internal import UmbelTensor

/// One drawing under way: from noise, or a picture with noise, to latents, step by step.
struct DrawingRun {
    let pipeline: DiffusionPipeline
    let request: DrawingRequest
    let size: PictureSize
    let schedule: any Schedule
    let pool: ComputePool
    /// Throws `cancelled` when nobody wants the pictures any more.
    let checkpoint: () throws(ModelError) -> Void
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

    /// What the U-Net says of all pictures, channels first.
    private func predicted(
        _ latents: Latents, _ timestep: Float, _ conditions: StepConditions.Conditions, inputScale: Float,
        _ extraInputs: [FeatureMap]
    ) throws(ModelError) -> [Float] {
        var output = [Float](repeating: 0, count: latents.values.count)
        let guidance = Guidance(scale: Float(request.guidance), rescale: Float(request.guidanceRescale))
        let pass = ForwardPass(pool: pool) { (_, _) throws(ModelError) in try conditions.checkpoint() }
        for picture in 0..<latents.batch {
            var input = latents.map(of: picture, scaledBy: inputScale)
            if !extraInputs.isEmpty { input = input.concatenated(with: extraInputs[picture], pool: pool) }
            let texts = conditions.texts
            let noise = try conditions.unet(
                input.repeated(texts.count), timestep: timestep, conditions.inputs(pool: pool), pass)
            let planes = noise.planes()
            output.withUnsafeMutableBufferPointer { output in
                planes.withUnsafeBufferPointer { planes in
                    guard let place = output.baseAddress, let planes = planes.baseAddress else { return }
                    if texts.count == 2 {
                        guidance.apply(planes, count: latents.size, to: place + picture * latents.size)
                    } else {
                        (place + picture * latents.size).update(from: planes, count: latents.size)
                    }
                }
            }
        }
        return output
    }
}
