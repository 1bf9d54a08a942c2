internal import Glibc
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

    static func silu(_ x: Float) -> Float { x / (1 + expf(-x)) }

    static func gelu(_ x: Float) -> Float { 0.5 * x * (1 + erff(x * Float(0.5).squareRoot())) }

    func callAsFunction(_ x: Float) -> Float {
        switch self {
        case .silu: Self.silu(x)
        case .gelu: Self.gelu(x)
        case .quickGELU: x / (1 + expf(-1.702 * x))
        case .relu: max(0, x)
        case .mish: x * tanhf(log1pf(expf(x)))
        }
    }

    /// In place.
    package func apply(to x: Matrix, pool: ComputePool) {
        pool.forEachRange(x.count, grain: 4096) { range in
            for index in range { x.start[index] = self(x.start[index]) }
        }
    }

    /// GEGLU: the left half of each row times gelu of the right half, (rows, 2 · n) → (rows, n).
    package static func gatedGELU(_ x: Matrix, pool: ComputePool) -> Matrix {
        precondition(x.columns % 2 == 0)
        let width = x.columns / 2
        let out = Matrix(rows: x.rows, columns: width)
        pool.forEachRange(x.rows, grain: 16) { rows in
            for row in rows {
                let (place, numbers) = (out.row(row), x.row(row))
                for column in 0..<width { place[column] = numbers[column] * gelu(numbers[width + column]) }
            }
        }
        return out
    }
}
