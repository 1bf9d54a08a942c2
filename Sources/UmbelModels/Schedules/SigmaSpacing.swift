internal import Glibc

/// How sigmas lie between the largest and the smallest.
enum SigmaSpacing: Sendable {
    /// Where the timesteps put them.
    case timesteps
    /// Evenly in σ^(1/7).     Karras and others, arXiv 2206.00364, equation 5
    case karras
    /// Evenly in ln σ.
    case exponential
    /// Evenly in ln σ, at whole timesteps.     Lu and others, arXiv 2206.00927
    case lu
    /// Densest at both ends, by quantiles of a beta distribution.     Lee and others, arXiv 2407.12173
    case beta

    /// - Parameter hasLu: whether the class has `use_lu_lambdas`.
    init(_ config: ScheduleConfig, hasLu: Bool = false) throws(ScheduleError) {
        var chosen: [(field: String, spacing: SigmaSpacing)] = []
        for (field, spacing) in Self.fields where try config.flag(field) { chosen.append((field, spacing)) }
        guard chosen.count < 2 else { throw .conflict(fields: chosen.map(\.field)) }
        let lu = try hasLu ? config.flag("use_lu_lambdas") : false
        // Before all but Karras: diffusers asks in this order.
        self = lu && chosen.first?.spacing != .karras ? .lu : chosen.first?.spacing ?? .timesteps
    }

    /// Those of which a configuration may have one.
    private static let fields: [(String, SigmaSpacing)] = [
        ("use_karras_sigmas", .karras), ("use_exponential_sigmas", .exponential), ("use_beta_sigmas", .beta),
    ]

    /// From the largest on; nil where timesteps decide.
    func sigmas(from largest: Double, to smallest: Double, count: Int) -> [Double]? {
        switch self {
        case .timesteps: nil
        case .karras:
            TimestepSpacing.line(from: 0, to: 1, count: count).map { part in
                let (start, end) = (pow(largest, 1 / 7), pow(smallest, 1 / 7))
                return pow(start + part * (end - start), 7)
            }
        case .exponential, .lu:
            TimestepSpacing.line(from: log(largest), to: log(smallest), count: count).map { exp($0) }
        case .beta:
            TimestepSpacing.line(from: 0, to: 1, count: count).map { part in
                smallest + BetaQuantile.value(1 - part) * (largest - smallest)
            }
        }
    }
}

/// Where the last step of a schedule ends.
enum FinalSigma: String {
    /// At the picture.
    case zero
    /// At the least noise the model was trained with.
    case smallest = "sigma_min"
}
