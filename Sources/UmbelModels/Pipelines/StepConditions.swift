internal import UmbelTensor

/// What the U-Net is told at each step: texts change with `[from:to:when]`, networks with a stepwise strength. Each is
/// encoded once.
struct StepConditions {
    struct Conditions {
        let unet: UNet
        /// Without the prompt, then with it; or with it alone.
        let texts: [TextCondition]
        /// For so many pictures the texts of each, one batch.
        let inputs: (_ pictures: Int) -> UNet.Conditions
    }

    private let run: DrawingRun
    /// Of the first text encoder and, where it is another, of the second.
    private let prompt: [PromptSchedule]
    private let negative: [PromptSchedule]
    private var known: [Key: [TextCondition]] = [:]
    private let recent = RecentInputs()

    fileprivate struct Key: Hashable {
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
            let conditioner = TextConditioner(
                pipeline: run.pipeline, networks: networks, request: run.request, share: run.share,
                embeddings: run.embeddings, pass: run.watch.pass(run.pool))
            let isGuided = run.request.guidance > 1 && networks.unet.configuration.time.conditionSize == nil
            let (positive, negative) = try conditioner.conditions(
                prompt: key.prompt, negative: isGuided ? key.negative : nil)
            texts = (negative.map { [$0] } ?? []) + [positive]
            known[key] = texts
        }
        let (run, recent) = (run, recent)
        return Conditions(
            unet: networks.unet, texts: texts,
            inputs: { pictures in recent.inputs(key, pictures) { Self.inputs(texts, pictures: pictures, of: run) } })
    }

    private static func inputs(_ texts: [TextCondition], pictures: Int, of run: DrawingRun) -> UNet.Conditions {
        let rows = texts[0].context.rows
        let context = Matrix(rows: pictures * texts.count * rows, columns: texts[0].context.columns)
        for index in 0..<pictures * texts.count {
            let text = texts[index % texts.count].context
            context.row(index * rows).update(from: text.start, count: text.count)
        }
        var conditions = UNet.Conditions(context: context)
        conditions.projections = TextProjections()
        let pooled = texts.compactMap(\.pooled)
        if pooled.count == texts.count {
            conditions.pooledText = (0..<pictures).flatMap { _ in pooled }
        }
        if run.pipeline.family == .xl {
            let numbers = numbers(texts.count, of: run)
            conditions.numbers = (0..<pictures).flatMap { _ in numbers }
        }
        conditions.guidance = Float(run.request.guidance)
        return conditions
    }

    /// SDXL's numbers for each text; without the prompt first where there are two.
    private static func numbers(_ count: Int, of run: DrawingRun) -> [[Float]] {
        let positive = numbers(run.request.sizes, run.size)
        let negative = run.request.negativeSizes.map { numbers($0, run.size) } ?? positive
        return count == 2 ? [negative, positive] : [positive]
    }

    /// The size that a picture had, what was cut off at its top and left, and the size that is wanted.
    private static func numbers(_ sizes: DrawingRequest.Sizes?, _ size: PictureSize) -> [Float] {
        let sizes = sizes ?? DrawingRequest.Sizes()
        let own = DrawingRequest.Sizes.Size(height: size.height, width: size.width)
        let (original, target) = (sizes.original ?? own, sizes.target ?? own)
        return [original.height, original.width, sizes.top, sizes.left, target.height, target.width].map(Float.init)
    }
}

/// What the U-Net was told last, with what its attention made of it. Not of all texts of a drawing: a prompt may have another
/// one at every step.
private final class RecentInputs {
    private struct Entry {
        let key: StepConditions.Key
        let pictures: Int
        let inputs: UNet.Conditions
    }

    private var entries: [Entry] = []

    /// Enough for texts that take turns, and for the pictures left over by larger batches.
    private static let kept = 4

    func inputs(_ key: StepConditions.Key, _ pictures: Int, _ make: () -> UNet.Conditions) -> UNet.Conditions {
        let index = entries.firstIndex { $0.key == key && $0.pictures == pictures }
        let entry = index.map { entries.remove(at: $0) } ?? Entry(key: key, pictures: pictures, inputs: make())
        entries.append(entry)
        if entries.count > Self.kept { entries.removeFirst() }
        return entry.inputs
    }
}
