internal import COpenBLAS

/// Why a decomposition failed.
package enum DecompositionError: Error, Equatable {
    /// LAPACK's `dgesdd` did not converge for a matrix of this size.
    case noConvergence(rows: Int, columns: Int)
}

/// Singular value decomposition in f64, by the LAPACK in OpenBLAS on one thread.
package enum SingularValues {
    /// The best approximation of `matrix` of at most `rank`: `left` (rows, r) · `right` (r, columns), where `right`
    /// carries the singular values. r = min(rank, rows, columns).
    package static func truncated(
        _ matrix: Matrix, rank: Int
    ) throws(DecompositionError) -> (left: Matrix, right: Matrix) {
        let (rows, columns) = (matrix.rows, matrix.columns)
        let smaller = min(rows, columns)
        let kept = min(rank, smaller)
        // The row-major matrix is its transpose to LAPACK: A^T = V·S·U^T, so U and V change places.
        var a = (0..<matrix.count).map { Double(matrix.start[$0]) }
        var values = [Double](repeating: 0, count: smaller)
        var v = [Double](repeating: 0, count: columns * smaller)
        var u = [Double](repeating: 0, count: smaller * rows)
        openblas_set_num_threads(1)
        guard decompose(&a, Int32(columns), Int32(rows), &values, &v, &u) else {
            throw .noConvergence(rows: rows, columns: columns)
        }
        let left = Matrix(rows: rows, columns: kept)
        let right = Matrix(rows: kept, columns: columns)
        for r in 0..<kept {
            for row in 0..<rows { left.start[row * kept + r] = Float(u[row * smaller + r]) }
            for column in 0..<columns { right.start[r * columns + column] = Float(values[r] * v[r * columns + column]) }
        }
        return (left, right)
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
