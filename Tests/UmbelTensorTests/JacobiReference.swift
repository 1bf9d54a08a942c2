import UmbelTensor

/// A plain and very exact singular value decomposition: pairs of columns are turned until all are orthogonal (one-sided
/// Jacobi, Hestenes 1958). For the tests of the fast one.
struct JacobiReference {
    /// The columns of U·S, those of the largest singular values first.
    let scaledLeft: [[Double]]
    /// The columns of V.
    let right: [[Double]]
    let values: [Double]

    init(_ matrix: Matrix) {
        var columns = (0..<matrix.columns).map { column in (0..<matrix.rows).map { Double(matrix[$0, column]) } }
        var turns = (0..<matrix.columns).map { column in (0..<matrix.columns).map { $0 == column ? 1.0 : 0 } }
        // It converges quadratically; columns that are but rounding are never orthogonal to the last bit.
        for _ in 0..<12 {
            for p in columns.indices {
                for q in columns.indices.dropFirst(p + 1) {
                    let (a, b) = (Self.dot(columns[p], columns[p]), Self.dot(columns[q], columns[q]))
                    let c = Self.dot(columns[p], columns[q])
                    guard abs(c) > 1e-15 * (a * b).squareRoot() else { continue }
                    let ratio = (b - a) / (2 * c)
                    let tangent = (ratio < 0 ? -1 : 1) / (abs(ratio) + (1 + ratio * ratio).squareRoot())
                    let cosine = 1 / (1 + tangent * tangent).squareRoot()
                    Self.turn(&columns, p, q, cosine, tangent * cosine)
                    Self.turn(&turns, p, q, cosine, tangent * cosine)
                }
            }
        }
        let lengths = columns.map { Self.dot($0, $0).squareRoot() }
        let order = lengths.indices.sorted { lengths[$0] > lengths[$1] }
        scaledLeft = order.map { columns[$0] }
        right = order.map { turns[$0] }
        values = order.map { lengths[$0] }
    }

    /// The best approximation of a rank, row-major.
    func approximation(rank: Int) -> [Double] {
        let (rows, columns) = (scaledLeft.first?.count ?? 0, right.count)
        return (0..<rows * columns).map { place in
            (0..<min(rank, columns)).reduce(0) { $0 + scaledLeft[$1][place / columns] * right[$1][place % columns] }
        }
    }

    /// How far the best approximation of a rank is from the matrix.
    func remainder(rank: Int) -> Double {
        Self.dot(Array(values.dropFirst(rank)), Array(values.dropFirst(rank))).squareRoot()
    }

    private static func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    private static func turn(_ vectors: inout [[Double]], _ p: Int, _ q: Int, _ cosine: Double, _ sine: Double) {
        for index in vectors[p].indices {
            let (x, y) = (vectors[p][index], vectors[q][index])
            vectors[p][index] = cosine * x - sine * y
            vectors[q][index] = sine * x + cosine * y
        }
    }
}
