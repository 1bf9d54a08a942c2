internal import UmbelTensor

/// What the U-Net is told at each step: texts change with `[from:to:when]`, networks with a stepwise strength. Each is
/// encoded once.
struct StepConditions {
    struct Conditions {
        let unet: UNet
        /// Without the prompt, then with it; or with it alone.
        let texts: [TextCondition]
        fileprivate let numbers: [Float]?
        fileprivate let guidance: Float

        /// The texts as one batch.
        func inputs(pool: ComputePool) -> UNet.Conditions {
            let rows = texts[0].context.rows
            let context = Matrix(rows: texts.count * rows, columns: texts[0].context.columns)
            for (index, text) in texts.enumerated() {
                context.row(index * rows).update(from: text.context.start, count: text.context.count)
            }
            var conditions = UNet.Conditions(context: context)
            conditions.pooledText = texts.allSatisfy { $0.pooled != nil } ? texts.compactMap(\.pooled) : nil
            conditions.numbers = numbers.map { Array(repeating: $0, count: texts.count) }
            conditions.guidance = guidance
            return conditions
        }
    }

    private let run: DrawingRun
    private let prompt: PromptSchedule
    private let negative: PromptSchedule
    private var known: [Key: [TextCondition]] = [:]

    private struct Key: Hashable {
        let prompt: String
        let negative: String
        let stage: ObjectIdentifier
    }

    init(_ run: DrawingRun) {
        self.run = run
        let evaluations = run.schedule.plan.evaluations
        let isPlain = run.request.emphasis == .none
        prompt =
            isPlain
            ? PromptSchedule(plain: run.request.prompt, steps: evaluations)
            : PromptSchedule(run.request.prompt, steps: evaluations)
        negative =
            isPlain
            ? PromptSchedule(plain: run.request.negativePrompt, steps: evaluations)
            : PromptSchedule(run.request.negativePrompt, steps: evaluations)
    }

    mutating func conditions(at index: Int, of evaluations: Int) throws(ModelError) -> Conditions {
        let networks = try run.networks(Double(index) / Double(max(1, evaluations)))
        let key = Key(prompt: prompt.text(at: index), negative: negative.text(at: index), stage: networks.identity)
        let texts: [TextCondition]
        if let found = known[key] {
            texts = found
        } else {
            let conditioner = TextConditioner(
                pipeline: run.pipeline, networks: networks, request: run.request, share: run.share,
                pass: run.watch.pass(run.pool))
            let isGuided = run.request.guidance > 1 && networks.unet.configuration.time.conditionSize == nil
            let (positive, negative) = try conditioner.conditions(
                prompt: key.prompt, negative: isGuided ? key.negative : nil)
            texts = (negative.map { [$0] } ?? []) + [positive]
            known[key] = texts
        }
        return Conditions(
            unet: networks.unet, texts: texts, numbers: run.pipeline.family == .xl ? sizes : nil,
            guidance: Float(run.request.guidance))
    }

    /// SDXL's numbers: the size that a picture had, what was cut off at its top and left, and the size that is wanted.
    private var sizes: [Float] {
        let (height, width) = (Float(run.size.height), Float(run.size.width))
        return [height, width, 0, 0, height, width]
    }
}
