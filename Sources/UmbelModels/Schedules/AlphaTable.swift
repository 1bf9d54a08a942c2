internal import Glibc

/// How the noise grows over the timesteps that a model was trained with: ᾱ, the part of the picture's variance that is
/// left at each, from βs, the variance that each step adds: ᾱ_t = Π (1 − β_i), i ≤ t.     Ho and others, arXiv
/// 2006.11239
///
/// Everything here is f32 with products in f64, as torch computes it: a sampler's first sigmas hang on the last bits.
struct AlphaTable: Sendable {
    enum Betas: String {
        case linear
        /// Linear in √β; latent diffusion.
        case scaledLinear = "scaled_linear"
        /// ᾱ follows a squared cosine; Nichol and Dhariwal, arXiv 2102.09672.
        case cosine = "squaredcos_cap_v2"
        case exponential = "exp"
        case laplace
        case sigmoid

        static let common: Set<Betas> = [.linear, .scaledLinear, .cosine]
    }

    /// What a class does with `rescale_betas_zero_snr` (Lin and others, arXiv 2305.08891).
    enum TerminalNoise {
        /// The class has no such field.
        case fixed
        /// The last ᾱ becomes 0.
        case exact
        /// The last ᾱ becomes 2⁻²⁴, so that its sigma is finite.
        case bounded
    }

    /// What a class takes where its configuration says nothing.
    struct Defaults {
        var start = 0.0001
        var end = 0.02
        var betas = Betas.linear
        var terminal = TerminalNoise.fixed
        var allowed = Betas.common
    }

    /// The largest `num_train_timesteps`: what a configuration may make us allocate.
    private static let largest = 100_000

    /// ᾱ by timestep; two at least.
    let products: [Float]

    init(_ config: ScheduleConfig, _ defaults: Defaults = Defaults()) throws(ScheduleError) {
        let count = try config.integer("num_train_timesteps", default: 1000, in: 2...Self.largest)
        let betas = try Self.betas(config, defaults, count: count)
        var products = Self.products(of: betas)
        if defaults.terminal != .fixed, try config.flag("rescale_betas_zero_snr") {
            products = Self.products(of: Self.rescaled(products))
            if defaults.terminal == .bounded { products[count - 1] = 0x1p-24 }
        }
        self.products = products
    }

    var count: Int { products.count }

    /// - Throws: `untrained` for timesteps beyond the table.
    func check(_ timesteps: some Sequence<Int>) throws(ScheduleError) {
        for timestep in timesteps where !products.indices.contains(timestep) {
            throw .untrained(timestep: timestep, trained: count)
        }
    }

    private static func betas(
        _ config: ScheduleConfig, _ defaults: Defaults, count: Int
    ) throws(ScheduleError) -> [Float] {
        if let trained = try config.numbers("trained_betas") {
            guard trained.count == count, trained.allSatisfy({ $0 > 0 && $0 <= 1 }) else {
                throw .outOfRange(field: "trained_betas")
            }
            return trained.map { Float($0) }
        }
        let kind = try config.choice("beta_schedule", default: defaults.betas)
        guard defaults.allowed.contains(kind) else {
            throw .unsupported(field: "beta_schedule", value: kind.rawValue)
        }
        let range = 1e-9...0.999_999
        let start = try config.number("beta_start", default: defaults.start, in: range)
        let end = try config.number("beta_end", default: defaults.end, in: range)
        switch kind {
        case .linear: return line(from: start, to: end, count: count)
        case .scaledLinear:
            return line(from: start.squareRoot(), to: end.squareRoot(), count: count).map { $0 * $0 }
        case .sigmoid:
            return line(from: -6, to: 6, count: count).map { 1 / (1 + expf(-$0)) * Float(end - start) + Float(start) }
        case .cosine:
            return quotients(count) { time in
                let cosine = cos((time + 0.008) / 1.008 * .pi / 2)
                return cosine * cosine
            }
        case .exponential: return quotients(count) { exp(-12 * $0) }
        case .laplace:
            return quotients(count) { time in
                let ratio = exp(-0.5 * (time > 0.5 ? -1 : 1) * log(1 - 2 * abs(0.5 - time) + 1e-6))
                return (ratio / (1 + ratio)).squareRoot()
            }
        }
    }

    /// `torch.linspace` in f32: from both ends to the middle, each number rounded once.
    private static func line(from start: Double, to end: Double, count: Int) -> [Float] {
        let (start, end) = (Float(start), Float(end))
        let step = (end - start) / Float(count - 1)
        return (0..<count).map { index in
            index < count / 2
                ? start.addingProduct(step, Float(index)) : end.addingProduct(-step, Float(count - 1 - index))
        }
    }

    /// βs that make ᾱ follow a curve over 0…1, none above 0.999.
    private static func quotients(_ count: Int, _ curve: (Double) -> Double) -> [Float] {
        (0..<count).map { index in
            let now = curve(Double(index) / Double(count))
            return Float(min(1 - curve(Double(index + 1) / Double(count)) / now, 0.999))
        }
    }

    private static func products(of betas: [Float]) -> [Float] {
        var product = 1.0
        return betas.map { beta in
            product *= Double(1 - beta)
            return Float(product)
        }
    }

    /// βs whose √ᾱ is shifted and stretched so that the first stays and the last is 0.
    private static func rescaled(_ products: [Float]) -> [Float] {
        let roots = products.map { $0.squareRoot() }
        let (first, last) = (roots[0], roots[roots.count - 1])
        let stretch = first / (first - last)
        let squares = roots.map { root in
            let moved = (root - last) * stretch
            return moved * moved
        }
        return squares.indices.map { index in 1 - (index == 0 ? squares[0] : squares[index] / squares[index - 1]) }
    }
}
