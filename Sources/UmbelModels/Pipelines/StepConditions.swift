internal import UmbelTensor

/// What the U-Net is told at each step: texts change with `[from:to:when]`, networks with a stepwise strength. Each is
/// encoded once.
struct StepConditions {
    struct Conditions {
        let unet: UNet
        /// Without the prompt, then with it; or with it alone.
        let texts: [TextCondition]
        /// SDXL's numbers for each of the texts.
        fileprivate let numbers: [[Float]]?
        fileprivate let guidance: Float
        let checkpoint: () throws(ModelError) -> Void

        /// The texts as one batch.
        func inputs(pool: ComputePool) -> UNet.Conditions {
            let rows = texts[0].context.rows
            let context = Matrix(rows: texts.count * rows, columns: texts[0].context.columns)
            for (index, text) in texts.enumerated() {
                context.row(index * rows).update(from: text.context.start, count: text.context.count)
            }
            var conditions = UNet.Conditions(context: context)
            conditions.pooledText = texts.allSatisfy { $0.pooled != nil } ? texts.compactMap(\.pooled) : nil
            conditions.numbers = numbers
            conditions.guidance = guidance
            return conditions
        }
    }

    private let run: DrawingRun
    /// Of the first text encoder and, where it is another, of the second.
    private let prompt: [PromptSchedule]
    private let negative: [PromptSchedule]
    private var known: [Key: [TextCondition]] = [:]

    private struct Key: Hashable {
        let prompt: [String]
        let negative: [String]
        let stage: ObjectIdentifier
    }

    init(_ run: DrawingRun) {
        self.run = run
        let evaluations = run.schedule.plan.evaluations
        let request = run.request
        func schedules(_ texts: [String?]) -> [PromptSchedule] {
            texts.compactMap(\.self).map { text in
                request.emphasis == .none
                    ? PromptSchedule(plain: text, steps: evaluations) : PromptSchedule(text, steps: evaluations)
            }
        }
        prompt = schedules([request.prompt, request.secondPrompt])
        negative = schedules([request.negativePrompt, request.secondNegativePrompt])
    }

    mutating func conditions(at index: Int, of evaluations: Int) throws(ModelError) -> Conditions {
        let networks = try run.networks(Double(index) / Double(max(1, evaluations)))
        let key = Key(
            prompt: prompt.map { $0.text(at: index) }, negative: negative.map { $0.text(at: index) },
            stage: networks.identity)
        let texts: [TextCondition]
        if let found = known[key] {
            texts = found
        } else {
            let pass = ForwardPass(pool: run.pool)
            let conditioner = TextConditioner(
                pipeline: run.pipeline, networks: networks, request: run.request, embeddings: run.embeddings, pass: pass
            )
            let isGuided = run.request.guidance > 1 && networks.unet.configuration.time.conditionSize == nil
            let (positive, negative) = try conditioner.conditions(
                prompt: key.prompt, negative: isGuided ? key.negative : nil)
            texts = (negative.map { [$0] } ?? []) + [positive]
            known[key] = texts
        }
        return Conditions(
            unet: networks.unet, texts: texts, numbers: run.pipeline.family == .xl ? numbers(texts.count) : nil,
            guidance: Float(run.request.guidance), checkpoint: run.checkpoint)
    }

    /// SDXL's numbers for each text; without the prompt first where there are two.
    private func numbers(_ count: Int) -> [[Float]] {
        let positive = numbers(run.request.sizes)
        let negative = run.request.negativeSizes.map { numbers($0) } ?? positive
        return count == 2 ? [negative, positive] : [positive]
    }

    /// The size that a picture had, what was cut off at its top and left, and the size that is wanted.
    private func numbers(_ sizes: DrawingRequest.Sizes?) -> [Float] {
        let sizes = sizes ?? DrawingRequest.Sizes()
        let own = DrawingRequest.Sizes.Size(height: run.size.height, width: run.size.width)
        let (original, target) = (sizes.original ?? own, sizes.target ?? own)
        return [original.height, original.width, sizes.top, sizes.left, target.height, target.width].map(Float.init)
    }
}
