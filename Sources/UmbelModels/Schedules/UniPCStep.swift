internal import Glibc

/// The weights of one step of UniPC from the last levels to the next, of as high an order as there are levels
/// (Zhao and others, arXiv 2302.04867, algorithms 1 and 2).
///
/// With h = λ′ − λ (−h where answers are pictures), r_i = (λ_i − λ)/(λ′ − λ) for the levels before, the differences D_i
/// = (m_i − m)/r_i weigh ρ, where Σ_j ρ_j r_j^(i−1) = i! φ_(i+1)(h)·h/B(h); the corrector has r = 1, the answer at the
/// end, as one more.
struct UniPCStep {
    /// The sample's weight.
    let sample: Double
    /// Weights of the answers at the levels, the newest first.
    let predicted: [Double]
    /// Weights of the answer at the end, then of those at the levels.
    let corrected: [Double]

    /// - Parameter starts: the levels whose answers are used; the step begins at the first of them.
    init(kind: UniPC.Kind, answersPicture: Bool, end: NoiseLevel, starts: [NoiseLevel]) {
        let start = starts[0]
        let length = end.lambda - start.lambda
        let h = answersPicture ? -length : length
        let scale = answersPicture ? end.alpha : end.sigma
        let weight = kind == .bh1 ? h : expm1(h)
        let ratios = starts.dropFirst().map { ($0.lambda - start.lambda) / length }
        let targets = Self.targets(h, weight, count: starts.count)
        // Orders 2 and 1 take the mean, as the paper does for its simplified forms.
        let predictor = ratios.count == 1 ? [0.5] : LinearSystem.solve(powersOf: ratios, targets)
        let corrector = ratios.isEmpty ? [0.5] : LinearSystem.solve(powersOf: ratios + [1], targets)

        sample = answersPicture ? end.sigma / start.sigma : end.alpha / start.alpha
        let base = -scale * expm1(h)
        predicted = Self.weights(base, ratios, predictor.map { -scale * weight * $0 })
        let last = -scale * weight * (corrector.last ?? 0)
        let others = Self.weights(base - last, ratios, corrector.dropLast().map { -scale * weight * $0 })
        corrected = [last] + others
    }

    /// i! φ_(i+1)(h)·h/B(h) for i = 1…count, with φ_(k+1)(h) = (φ_k(h) − 1/k!)/h.
    private static func targets(_ h: Double, _ weight: Double, count: Int) -> [Double] {
        var function = expm1(h) / h - 1
        var factorial = 1.0
        return (1...count).map { index in
            let target = function * factorial / weight
            factorial *= Double(index + 1)
            function = function / h - 1 / factorial
            return target
        }
    }

    /// Weights of differences as weights of answers: (m_i − m)/r_i gives to m_i and takes from m.
    private static func weights(_ base: Double, _ ratios: [Double], _ differences: [Double]) -> [Double] {
        let given = zip(differences, ratios).map { $0 / $1 }
        return [base - given.reduce(0, +)] + given
    }
}

enum LinearSystem {
    /// The x with Σ_j x_j r_j^i = t_i for i = 0, 1, …; as many targets as points are used. By Gauss's elimination: the
    /// points differ, and are few.
    static func solve(powersOf points: [Double], _ targets: [Double]) -> [Double] {
        let count = points.count
        var rows = (0..<count).map { power in points.map { pow($0, Double(power)) } + [targets[power]] }
        for pivot in 0..<count {
            let largest = (pivot..<count).max { abs(rows[$0][pivot]) < abs(rows[$1][pivot]) } ?? pivot
            rows.swapAt(pivot, largest)
            for other in 0..<count where other != pivot {
                let factor = rows[other][pivot] / rows[pivot][pivot]
                for column in pivot...count { rows[other][column] -= factor * rows[pivot][column] }
            }
        }
        return rows.indices.map { rows[$0][count] / rows[$0][$0] }
    }
}
