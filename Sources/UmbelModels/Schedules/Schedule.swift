/// A scheduler of diffusers laid out for a number of steps: an immutable value that any number of runs share.
///
/// A run over one picture goes like this, and so the same pictures come as from diffusers:
///
///     var run = schedule.run(count: latents, from: start)
///     // latents = noise · plan.initialScale, or for image-to-image plan.mixture(at: start) of picture and noise
///     while let timestep = run.timestep {
///         // input = latents · plan.inputScale(at: run.index); output = model(input, timestep)
///         run.step(output: output, sample: latents, noise: &noise)
///     }
package protocol Schedule: Sendable {
    /// The class of diffusers, as `_class_name` has it.
    static var className: String { get }

    /// - Parameter eta: how much noise DDIM puts back, 0 (none) to 1 (as DDPM); other classes have no such thing.
    /// - Throws: `ScheduleError` for fields that are wrong or not supported, and for more steps than there can be.
    init(_ config: ScheduleConfig, steps: Int, eta: Double) throws(ScheduleError)

    var plan: SchedulePlan { get }

    /// What a run over a picture of `count` numbers remembers, at its start.
    func method(count: Int) -> any StepMethod
}

extension Schedule {
    /// A run over a picture of `count` numbers, or over several that share their noise source.
    ///
    /// - Parameters:
    ///   - count: the numbers of all pictures.
    ///   - pictures: how many there are, one after the other. Each draw of noise is for all of them, as in diffusers.
    ///   - start: the number of the first evaluation, as `SchedulePlan.start` finds it.
    /// - Precondition: `start` is one of the plan's evaluations, and the pictures are of equal size.
    package func run(count: Int, pictures: Int = 1, from start: Int = 0) -> ScheduleRun {
        precondition(plan.timesteps.indices.contains(start) && count > 0 && pictures > 0 && count % pictures == 0)
        return ScheduleRun(
            plan: plan, method: method(count: count), index: start, count: count, pictures: pictures)
    }
}

/// A picture on its way through a schedule, or several in step. It keeps what multistep methods remember, so whoever is
/// drawn at the same time has its own.
package struct ScheduleRun: Sendable {
    package let plan: SchedulePlan
    private var method: any StepMethod
    /// The number of the model evaluation that comes next.
    package private(set) var index: Int
    private let count: Int
    private let pictures: Int

    init(plan: SchedulePlan, method: any StepMethod, index: Int, count: Int, pictures: Int) {
        self.plan = plan
        self.method = method
        self.index = index
        self.count = count
        self.pictures = pictures
    }

    /// The time at which the model is evaluated next; nil at the end.
    package var timestep: Float? { index < plan.timesteps.count ? plan.timesteps[index] : nil }

    /// Moves the sample on by what the model answered to it. Nothing of the picture's size is allocated.
    ///
    /// - Parameters:
    ///   - output: the model's answer (after guidance), as many numbers as the picture has.
    ///   - sample: the latents, which change in place; channels first, for that is how noise is drawn.
    ///   - noise: where a schedule that puts noise back draws it.
    /// - Precondition: the run is not at its end.
    package mutating func step(
        output: UnsafePointer<Float>, sample: UnsafeMutablePointer<Float>, noise: inout some NoiseSource
    ) {
        precondition(index < plan.timesteps.count)
        // Methods read the output alone.
        let output = Numbers(start: UnsafeMutablePointer(mutating: output), count: count)
        method.step(output, Numbers(start: sample, count: count, pictures: pictures), at: index, noise: &noise)
        index += 1
    }
}

/// What a schedule does with the model's answers, and what it remembers of them within one run.
package protocol StepMethod: Sendable {
    /// Moves the sample on; `output` is not written.
    mutating func step(_ output: Numbers, _ sample: Numbers, at index: Int, noise: inout some NoiseSource)
}
