/// The part that the schedules over whole timesteps share (DDIM, DDPM, PNDM): samples of variance 1, known by ᾱ.
struct TimestepPlan {
    let alphas: AlphaTable
    /// From the noisiest on.
    let timesteps: [Int]
    let steps: Int

    init(_ config: ScheduleConfig, _ alphas: AlphaTable, steps: Int) throws(ScheduleError) {
        let layout = try TimestepSpacing.Settings(config, default: .leading)
        guard (1...alphas.count).contains(steps) else { throw .steps(steps, allowed: 1...alphas.count) }
        let points = layout.spacing.points(
            steps: steps, length: alphas.count, trained: alphas.count, offset: layout.offset, leavesEnd: false)
        timesteps = points.map { Int($0.rounded(.toNearestOrEven)) }
        try alphas.check(timesteps)
        self.alphas = alphas
        self.steps = steps
    }

    /// From one step to the next, in trained timesteps.
    var stride: Int { alphas.count / steps }

    func plan(_ timesteps: [Int], _ prediction: Prediction) -> SchedulePlan {
        SchedulePlan(
            timesteps: timesteps.map { Float($0) }, prediction: prediction,
            levels: timesteps.map { NoiseLevel(product: alphas.products[$0]) },
            space: .preserving, steps: steps)
    }
}
