internal import CUmbelKernels
internal import Synchronization
package import UmbelTensor

/// Sums of squares down the columns of a matrix, in f64.
package enum ColumnNorms {
    /// One sum a column. Rows are added in order, so the result does not depend on the number of threads: they share out
    /// the columns, not the rows.
    package static func squares(of matrix: Matrix, pool: ComputePool) -> [Double] {
        let sums = Mutex([Double](repeating: 0, count: matrix.columns))
        pool.forEachRange(matrix.columns, grain: 128) { columns in
            var part = [Double](repeating: 0, count: columns.count)
            for row in 0..<matrix.rows {
                umbel_add_squares(&part, matrix.row(row) + columns.lowerBound, columns.count)
            }
            sums.withLock { $0.replaceSubrange(columns, with: part) }
        }
        return sums.withLock { $0 }
    }
}
