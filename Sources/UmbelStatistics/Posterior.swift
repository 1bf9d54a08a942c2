internal import Glibc

/// What is believed of an arm's mean after its values: a distribution that `ProbabilityBest` integrates.
///
/// Real values: mean ± s/√n · t(n−1), the posterior under the flat prior on the mean and on ln σ, exact for normal values
/// (Gelman et al., Bayesian Data Analysis, 3rd edition, section 3.2). Values that are all 0 or 1: Beta(1+s, 1+f), the
/// posterior of the uniform prior (there, section 2.1).
struct Posterior {
    private enum Shape {
        case student(StudentT, location: Double, scale: Double)
        case beta(Beta)
    }

    private let shape: Shape
    /// A point in the middle and a width: what the integration takes its steps from.
    let location: Double
    let scale: Double
    /// ln of the density at the location, computed once.
    private let logPeak: Double

    init(_ distribution: StudentT, location: Double, scale: Double) {
        shape = .student(distribution, location: location, scale: scale)
        (self.location, self.scale) = (location, scale)
        logPeak = distribution.logPeak - log(scale)
    }

    init(_ distribution: Beta) {
        shape = .beta(distribution)
        (location, scale) = (distribution.mean, distribution.deviation)
        logPeak =
            location > 0 && location < 1
            ? log(IncompleteBeta.power(distribution.a, distribution.b, location, 1 - location)) : 0
    }

    func density(_ x: Double) -> Double {
        switch shape {
        case .student(let distribution, let location, let scale):
            exp(logPeak + distribution.logShape((x - location) / scale))
        case .beta(let beta):
            // Relative to the mean m, so that nothing cancels: (x/m)ᵃ·((1−x)/(1−m))ᵇ.
            if x <= 0 || x >= 1 {
                0
            } else {
                exp(
                    logPeak + beta.a * log1p((x - location) / location)
                        + beta.b * log1p((location - x) / (1 - location))) / (x * (1 - x))
            }
        }
    }

    func cumulative(_ x: Double) -> Double {
        switch shape {
        case .student(let distribution, let location, let scale): distribution.cumulative((x - location) / scale)
        case .beta(let beta): beta.cumulative(x)
        }
    }

    /// A point between two panels of the quadrature, and the width that a panel beside it may have.
    struct Edge {
        let x: Double
        let width: Double
    }

    /// Edges between which the density is smooth enough for one panel, together from one tail of less than 1e-9 to the
    /// other: one `scale` apart near the middle, growing by a half outside.
    var edges: [Edge] {
        var offsets = (0...6).map(Double.init)
        let reach = reach
        while let last = offsets.last, last < reach { offsets.append(min(last * 1.5, reach)) }
        let right = offsets.indices.map { index in
            Edge(x: offsets[index] * scale, width: (offsets[index] - offsets[max(index - 1, 0)]) * scale)
        }
        let left = right.dropFirst().reversed().map { Edge(x: location - $0.x, width: $0.width) }
        let all =
            left + [Edge(x: location, width: scale)]
            + right.dropFirst().map { Edge(x: location + $0.x, width: $0.width) }
        guard case .beta = shape else { return all }
        return [Edge(x: 0, width: scale)] + all.filter { $0.x > 0 && $0.x < 1 } + [Edge(x: 1, width: scale)]
    }

    /// In units of `scale`.
    private var reach: Double {
        switch shape {
        case .student(let distribution, _, _): max(6, -distribution.quantile(1e-10))
        // Skewed near 0 and 1, where a tail falls like e^(−x) at the slowest.
        case .beta: 24
        }
    }
}
