internal import COpenBLAS

/// Why a decomposition failed.
package enum DecompositionError: Error, Equatable {
    /// LAPACK's `dgesdd` did not converge for a matrix of this size.
    case noConvergence(rows: Int, columns: Int)
}

/// How much of a matrix is left when it is cut to a rank, as sums of squared singular values.
package struct TruncatedEnergy: Hashable, Sendable {
    package let kept: Double
    package let whole: Double

    package static let nothingLost = TruncatedEnergy(kept: 1, whole: 1)

    package init(kept: Double, whole: Double) {
        self.kept = kept
        self.whole = whole
    }

    /// 1 − Σ kept σ² / Σ σ², from 0 to 1; 0 for a matrix of zeros.
    package var lost: Double { whole > 0 ? max(0, 1 - kept / whole) : 0 }
}

/// Singular value decomposition in f64, by the LAPACK in OpenBLAS on one thread.
package enum SingularValues {
    /// `left` (rows, k) · diag(`values`) · `right` (k, columns) with k = min(rows, columns), row-major.
    private struct Decomposition {
        let rows: Int
        let columns: Int
        let left: [Double]
        let values: [Double]
        let right: [Double]
        var size: Int { values.count }

        func energy(rank: Int) -> TruncatedEnergy {
            TruncatedEnergy(
                kept: values.prefix(rank).reduce(0) { $0 + $1 * $1 }, whole: values.reduce(0) { $0 + $1 * $1 })
        }
    }

    /// The best approximation of `matrix` of at most `rank`: `left` (rows, r) · `right` (r, columns), where `right`
    /// carries the singular values. r = min(rank, rows, columns).
    package static func truncated(
        _ matrix: Matrix, rank: Int
    ) throws(DecompositionError) -> (left: Matrix, right: Matrix) {
        let (left, right, _) = try truncatedWithEnergy(matrix, rank: rank)
        return (left, right)
    }

    /// The same with what is lost by it.
    package static func truncatedWithEnergy(
        _ matrix: Matrix, rank: Int
    ) throws(DecompositionError) -> (left: Matrix, right: Matrix, energy: TruncatedEnergy) {
        let parts = try decomposed(
            (0..<matrix.count).map { Double(matrix.start[$0]) }, rows: matrix.rows, columns: matrix.columns)
        let kept = min(rank, parts.size)
        let left = Matrix(rows: parts.rows, columns: kept)
        let right = Matrix(rows: kept, columns: parts.columns)
        for r in 0..<kept {
            for row in 0..<parts.rows { left.start[row * kept + r] = Float(parts.left[row * parts.size + r]) }
            for column in 0..<parts.columns {
                right.start[r * parts.columns + column] = Float(
                    parts.values[r] * parts.right[r * parts.columns + column])
            }
        }
        return (left, right, parts.energy(rank: kept))
    }

    /// The best approximation of `up` (rows, q) · `down` (q, columns) of at most `rank`, without writing the product out.
    ///
    /// With up = U₁S₁V₁ and down = U₂S₂V₂ the product is U₁·(S₁V₁U₂S₂)·V₂, and the singular values are those of the small
    /// matrix in the middle.
    ///
    /// - Precondition: `up.columns == down.rows`.
    package static func truncatedProduct(
        _ up: Matrix, _ down: Matrix, rank: Int
    ) throws(DecompositionError) -> (left: Matrix, right: Matrix, energy: TruncatedEnergy) {
        precondition(up.columns == down.rows)
        let first = try decomposed(
            (0..<up.count).map { Double(up.start[$0]) }, rows: up.rows, columns: up.columns)
        let second = try decomposed(
            (0..<down.count).map { Double(down.start[$0]) }, rows: down.rows, columns: down.columns)
        let inner = up.columns
        var middle = product(first.right, second.left, first.size, inner, second.size)
        for row in 0..<first.size {
            for column in 0..<second.size {
                middle[row * second.size + column] *= first.values[row] * second.values[column]
            }
        }
        let core = try decomposed(middle, rows: first.size, columns: second.size)
        let kept = min(rank, core.size)
        var scaled = [Double](repeating: 0, count: kept * second.size)
        var turned = [Double](repeating: 0, count: first.size * kept)
        for r in 0..<kept {
            for column in 0..<second.size {
                scaled[r * second.size + column] = core.values[r] * core.right[r * second.size + column]
            }
            for row in 0..<first.size { turned[row * kept + r] = core.left[row * core.size + r] }
        }
        let left = product(first.left, turned, up.rows, first.size, kept)
        let right = product(scaled, second.right, kept, second.size, down.columns)
        return (
            Matrix(rows: up.rows, columns: kept, values: left.map { Float($0) }),
            Matrix(rows: kept, columns: down.columns, values: right.map { Float($0) }), core.energy(rank: kept)
        )
    }

    /// (rows, inner) · (inner, columns)
    private static func product(
        _ left: [Double], _ right: [Double], _ rows: Int, _ inner: Int, _ columns: Int
    ) -> [Double] {
        var result = [Double](repeating: 0, count: rows * columns)
        for row in 0..<rows {
            for index in 0..<inner {
                let factor = left[row * inner + index]
                for column in 0..<columns { result[row * columns + column] += factor * right[index * columns + column] }
            }
        }
        return result
    }

    private static func decomposed(
        _ values: [Double], rows: Int, columns: Int
    ) throws(DecompositionError) -> Decomposition {
        let smaller = min(rows, columns)
        // The row-major matrix is its transpose to LAPACK: A^T = V·S·U^T, so U and V change places.
        var a = values
        var singular = [Double](repeating: 0, count: smaller)
        var v = [Double](repeating: 0, count: columns * smaller)
        var u = [Double](repeating: 0, count: smaller * rows)
        openblas_set_num_threads(1)
        guard decompose(&a, Int32(columns), Int32(rows), &singular, &v, &u) else {
            throw .noConvergence(rows: rows, columns: columns)
        }
        return Decomposition(rows: rows, columns: columns, left: u, values: singular, right: v)
    }

    /// `dgesdd` with its workspace: column-major `a` (m, n) → `left` (m, k), `values`, `right` (k, n).
    private static func decompose(
        _ a: inout [Double], _ m: Int32, _ n: Int32, _ values: inout [Double], _ left: inout [Double],
        _ right: inout [Double]
    ) -> Bool {
        var job = CChar(UInt8(ascii: "S"))
        var (m, n) = (m, n)
        var (strideA, strideLeft, strideRight) = (m, m, min(m, n))
        var integers = [Int32](repeating: 0, count: 8 * Int(min(m, n)))
        var info: Int32 = 0
        var length: Int32 = -1  // ask for the size of the workspace first
        var work = [0.0]
        for _ in 0..<2 {
            dgesdd_(
                &job, &m, &n, &a, &strideA, &values, &left, &strideLeft, &right, &strideRight, &work, &length,
                &integers,
                &info)
            if length == -1 {
                length = Int32(work[0])
                work = [Double](repeating: 0, count: Int(length))
            }
        }
        return info == 0
    }
}
