/// How a number of steps is laid over the timesteps that a model was trained with (table 2 of arXiv 2305.08891).
enum TimestepSpacing: String, Sendable {
    /// Whole strides from 0 on, then an offset.
    case leading
    /// Both ends, and evenly between them.
    case linspace
    /// Strides back from the end.
    case trailing

    /// The settings that say where the steps lie.
    struct Settings: Sendable {
        let spacing: TimestepSpacing
        let offset: Int

        init(_ config: ScheduleConfig, default standard: TimestepSpacing) throws(ScheduleError) {
            spacing = try config.choice("timestep_spacing", default: standard)
            offset = try config.integer("steps_offset", default: 0, in: 0...100_000)
        }

        private init(spacing: TimestepSpacing) {
            self.spacing = spacing
            offset = 0
        }

        /// Of a class that has no such settings.
        static let evenly = Settings(spacing: .linspace)
    }

    /// Timesteps from the noisiest on; those of `linspace` are not rounded.
    ///
    /// - Parameters:
    ///   - length: how many timesteps there are to choose from, from 0 on.
    ///   - trained: how many the model was trained with, the stride of `trailing` is a part of.
    ///   - leavesEnd: lays one point more and leaves the last out, where the way to the end is a step of its own.
    func points(steps: Int, length: Int, trained: Int, offset: Int, leavesEnd: Bool) -> [Double] {
        let count = leavesEnd ? steps + 1 : steps
        let kept = leavesEnd ? 1 : 0
        switch self {
        case .leading: return (kept..<count).reversed().map { Double($0 * (length / count) + offset) }
        case .linspace:
            return Array(Self.line(from: 0, to: Double(length - 1), count: count).reversed().dropLast(kept))
        case .trailing:
            return Self.stride(from: Double(length), by: Double(trained) / Double(steps))
                .map { $0.rounded(.toNearestOrEven) - 1 }
        }
    }

    /// NumPy's `linspace`.
    static func line(from start: Double, to end: Double, count: Int) -> [Double] {
        guard count > 1 else { return [start] }
        let step = (end - start) / Double(count - 1)
        return (0..<count).map { $0 == count - 1 ? end : start + Double($0) * step }
    }

    /// NumPy's `arange(start, 0, -step)`, without the last number where the errors of f64 leave it a hair above 0,
    /// which happens with some numbers of steps (61, 103, …): diffusers then does a step more, from timestep -1.
    private static func stride(from start: Double, by step: Double) -> [Double] {
        let difference = (start - step) - start
        return (0..<Int((start / step).rounded(.up))).map { start + Double($0) * difference }.filter { $0 > 1e-6 }
    }
}
