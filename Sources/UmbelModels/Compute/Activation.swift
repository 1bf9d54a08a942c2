internal import CUmbelCompute
package import UmbelTensor

/// Functions of single numbers between layers.
package enum Activation: String, Sendable {
    /// x · sigmoid(x)
    case silu
    /// x · Φ(x)
    case gelu
    /// x · sigmoid(1.702 · x)
    case quickGELU = "quick_gelu"
    case relu
    /// x · tanh(log(1 + eˣ))
    case mish

    /// By the names that configurations have for them; nil for others.
    package init?(name: String) {
        switch name {
        case "silu", "swish": self = .silu
        case "gelu": self = .gelu
        case "quick_gelu": self = .quickGELU
        case "relu": self = .relu
        case "mish": self = .mish
        default: return nil
        }
    }

    private var kernel: umbel_activation {
        switch self {
        case .silu: UMBEL_SILU
        case .gelu: UMBEL_GELU
        case .quickGELU: UMBEL_QUICK_GELU
        case .relu: UMBEL_RELU
        case .mish: UMBEL_MISH
        }
    }

    /// In place.
    package func apply(to x: Matrix, pool: ComputePool) {
        pool.forEachRange(x.count, grain: 1 << 14) { range in
            apply(to: x.start + range.lowerBound, count: range.count)
        }
    }

    /// In place.
    func apply(to x: UnsafeMutablePointer<Float>, count: Int) { umbel_activate(x, count, kernel) }

    /// GEGLU: the left half of each row times gelu of the right half, (rows, 2 · n) → (rows, n).
    package static func gatedGELU(_ x: Matrix, pool: ComputePool) -> Matrix {
        precondition(x.columns % 2 == 0)
        let width = x.columns / 2
        let out = Matrix(rows: x.rows, columns: width, pool: pool)
        pool.forEachRange(x.rows, grain: 16) { rows in
            umbel_gate(out.row(rows.lowerBound), width, x.row(rows.lowerBound), x.columns, rows.count, width)
        }
        return out
    }
}
