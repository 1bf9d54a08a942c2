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

    /// - Parameter hasLu: whether the class has `use_lu_lambdas`.
    init(_ config: ScheduleConfig, hasLu: Bool = false) throws(ScheduleError) {
        try config.refuse("use_beta_sigmas")
        let karras = try config.flag("use_karras_sigmas")
        let exponential = try config.flag("use_exponential_sigmas")
        if karras && exponential { throw .conflict(fields: ["use_karras_sigmas", "use_exponential_sigmas"]) }
        let lu = try hasLu ? config.flag("use_lu_lambdas") : false
        // Karras before Lu before exponential: diffusers asks in this order.
        self = karras ? .karras : lu ? .lu : exponential ? .exponential : .timesteps
    }

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
