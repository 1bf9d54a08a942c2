internal import UmbelTensor

/// Pseudo numerical methods for diffusion models on manifolds, Liu and others, arXiv 2202.09778: a linear multistep
/// method of order 4 (PLMS) that gets its first answers by Runge and Kutta's method of order 4 (PRK, four evaluations a
/// step), or by a first step done twice (`skip_prk_steps`; one evaluation more than steps).
package struct PNDM: Schedule {
    package static let className = "PNDMScheduler"
    private static let order = 4
    package let plan: SchedulePlan
    private let transfer: Transfer
    /// The timesteps of PRK, four evaluations each; empty if they are skipped.
    private let warmUp: [Int]

    package init(_ config: ScheduleConfig, steps: Int, eta: Double) throws(ScheduleError) {
        let alphas = try AlphaTable(config)
        let layout = try TimestepPlan(config, alphas, steps: steps)
        let skips = try config.flag("skip_prk_steps")
        let last = try config.flag("set_alpha_to_one") ? 1 : alphas.products[0]
        let prediction = try Prediction(config, allowed: [.epsilon, .velocity])
        transfer = Transfer(
            prediction: prediction, products: alphas.products, last: last,
            stride: layout.stride)
        if skips {
            warmUp = []
            // The second timestep twice: the first step is done, judged at its end, and done again.
            let timesteps = layout.timesteps
            let doubled = timesteps.prefix(2) + timesteps.dropFirst()
            if timesteps.count > 1 { try alphas.check([timesteps[1] + layout.stride]) }
            plan = layout.plan(Array(doubled), prediction)
        } else {
            guard layout.timesteps.count >= Self.order else {
                throw .steps(steps, allowed: Self.order...max(alphas.count, Self.order))
            }
            warmUp = Self.warmUp(layout.timesteps, half: layout.stride / 2)
            try alphas.check(warmUp)
            plan = layout.plan(warmUp + layout.timesteps.dropFirst(Self.order - 1), prediction)
        }
    }

    /// For each of the first three steps: its beginning, its middle twice, its end. What diffusers calls the middle
    /// lies half a stride above the end, whatever the spacing.
    private static func warmUp(_ timesteps: [Int], half: Int) -> [Int] {
        (0..<order - 1).flatMap { step in
            let middle = timesteps[step + 1] + half
            return [timesteps[step], middle, middle, timesteps[step + 1]]
        }
    }

    package func method(count: Int) -> any StepMethod {
        PNDMMethod(
            transfer: transfer, warmUp: warmUp, timesteps: plan.timesteps.map { Int($0) },
            answers: RecentNumbers(capacity: Self.order, of: count), memory: Matrix(rows: 3, columns: count))
    }
}

/// From one timestep to another by an answer of the model (equation 9 of the paper).
private struct Transfer {
    let prediction: Prediction
    let products: [Float]
    /// ᾱ beyond timestep 0.
    let last: Float
    let stride: Int

    /// - Parameter answer: is overwritten.
    func apply(_ answer: Numbers, to sample: Numbers, from start: Int, to end: Int) {
        let product = products[start]
        let target = end >= 0 ? products[end] : last
        let (level, next) = (NoiseLevel(product: product), NoiseLevel(product: target))
        answer.set(prediction.noise(level), sample: sample, output: answer)
        let divisor = Double(product) * next.sigma + level.alpha * level.sigma * next.alpha
        sample.scale(by: next.alpha / level.alpha)
        sample.add(-Double(target - product) / divisor, answer)
    }
}

private struct PNDMMethod: StepMethod {
    let transfer: Transfer
    let warmUp: [Int]
    let timesteps: [Int]
    /// The model's answers at the last whole steps.
    var answers: RecentNumbers
    /// The sample at the beginning of a step that takes several evaluations; the answer that is put together; room for
    /// a single one.
    let memory: Matrix
    /// Evaluations so far.
    private var counter = 0

    init(transfer: Transfer, warmUp: [Int], timesteps: [Int], answers: RecentNumbers, memory: Matrix) {
        self.transfer = transfer
        self.warmUp = warmUp
        self.timesteps = timesteps
        self.answers = answers
        self.memory = memory
    }

    private var start: Numbers { Numbers(memory, row: 0) }
    private var answer: Numbers { Numbers(memory, row: 1) }

    mutating func step(_ output: Numbers, _ sample: Numbers, at index: Int, noise: inout some NoiseSource) {
        if counter < warmUp.count {
            stepByRungeKutta(output, sample, timestep: timesteps[index])
        } else {
            stepByHistory(output, sample, timestep: timesteps[index])
        }
        counter += 1
    }
}

extension PNDMMethod {
    /// The four answers of a step weigh 1/6, 1/3, 1/3, 1/6; each is taken at the sample that the one before led to.
    private mutating func stepByRungeKutta(_ output: Numbers, _ sample: Numbers, timestep: Int) {
        let part = counter % 4
        let from = warmUp[counter - part]
        let to = timestep - (counter % 2 == 0 ? transfer.stride / 2 : 0)
        if part == 0 {
            answers.append().copy(output)
            start.copy(sample)
        }
        sum(part, output)
        sample.copy(start)
        guard part < 3 else { return transfer.apply(answer, to: sample, from: from, to: to) }
        // The sum is still needed, so the answer itself goes into the place of another.
        let room = Numbers(memory, row: 2)
        room.copy(output)
        transfer.apply(room, to: sample, from: from, to: to)
    }

    private func sum(_ part: Int, _ output: Numbers) {
        switch part {
        case 0: answer.set(1 / 6, output)
        case 3: answer.add(1 / 6, output)
        default: answer.add(1 / 3, output)
        }
    }

    /// Adams and Bashforth's weights for as many answers as there are; the second evaluation of a run without PRK does
    /// the first step again with the mean of the answers at both ends.
    private mutating func stepByHistory(_ output: Numbers, _ sample: Numbers, timestep: Int) {
        guard counter != 1 else {
            answer.set(0.5, output)
            answer.add(0.5, answers[0])
            sample.copy(start)
            return transfer.apply(answer, to: sample, from: timestep + transfer.stride, to: timestep)
        }
        if counter == 0 { start.copy(sample) }
        answers.append().copy(output)
        answer.set(Self.weights[answers.count - 1][0], answers[0])
        for age in 1..<answers.count { answer.add(Self.weights[answers.count - 1][age], answers[age]) }
        transfer.apply(answer, to: sample, from: timestep, to: timestep - transfer.stride)
    }

    private static let weights: [[Double]] = [
        [1], [1.5, -0.5], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24],
    ]
}
