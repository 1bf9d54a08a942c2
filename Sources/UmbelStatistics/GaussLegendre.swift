internal import Glibc

/// Gauss's quadrature on [−1, 1] with weights that also give the integral from −1 to each node.
///
/// Nodes are the roots xₖ of the Legendre polynomial P_n, weights wₖ = 2/((1−xₖ²)P_n′(xₖ)²) (DLMF 3.5.21); the
/// integral up to a node is that of the interpolating polynomial, Σₘ partial[k][m]·f(xₘ), by
/// ∫₋₁ˣ P_j = (P_{j+1}(x) − P_{j−1}(x))/(2j+1) (DLMF 14.10).
struct GaussLegendre: Sendable {
    let nodes: [Double]
    let weights: [Double]
    let partial: [[Double]]

    /// Eight nodes: exact for polynomials of degree 15, and within 1e-13 for a normal density over one and a half of its
    /// standard deviations.
    static let eight = GaussLegendre(count: 8)

    init(count: Int) {
        var nodes: [Double] = []
        var weights: [Double] = []
        for k in 0..<count {
            // Newton's method from Tricomi's estimate.
            var x = -cos(Double.pi * (Double(k) + 0.75) / (Double(count) + 0.5))
            for _ in 0..<10 { x -= Self.polynomials(x, to: count)[count] / Self.slope(x, count) }
            nodes.append(x)
            let slope = Self.slope(x, count)
            weights.append(2 / ((1 - x * x) * slope * slope))
        }
        let values = nodes.map { Self.polynomials($0, to: count) }
        partial = (0..<count).map { k in
            (0..<count).map { m in
                let rest = (1..<count).map { j in values[m][j] * (values[k][j + 1] - values[k][j - 1]) }
                return weights[m] / 2 * (1 + nodes[k] + rest.reduce(0, +))
            }
        }
        (self.nodes, self.weights) = (nodes, weights)
    }

    /// P₀(x) … P_n(x), by (j+1)P_{j+1} = (2j+1)·x·P_j − j·P_{j−1}.
    private static func polynomials(_ x: Double, to n: Int) -> [Double] {
        var values = [1, x]
        for j in 1..<n {
            values.append((Double(2 * j + 1) * x * values[j] - Double(j) * values[j - 1]) / Double(j + 1))
        }
        return values
    }

    /// P_n′(x) = n·(x·P_n − P_{n−1})/(x² − 1).
    private static func slope(_ x: Double, _ n: Int) -> Double {
        let values = polynomials(x, to: n)
        return Double(n) * (x * values[n] - values[n - 1]) / (x * x - 1)
    }
}
