internal import CUmbelKernels

/// A tall matrix A as Q·R, Q with orthonormal columns: by Householder reflections in blocks.
struct TriangularFactor {
    /// Q.
    let reflectors: Reflectors
    /// R (min(rows, columns) of A, columns of A), zeros below its diagonal.
    let triangle: DoubleMatrix

    /// - Parameter lines: the columns of A as rows; overwritten.
    init(columns lines: DoubleMatrix, pool: ComputePool) {
        let size = min(lines.rows, lines.columns)
        var reflectors = Reflectors(storage: lines, offset: 0)
        var diagonal: [Double] = []
        for begin in stride(from: 0, to: size, by: Reflectors.blockSize) {
            let end = min(begin + Reflectors.blockSize, size)
            for index in begin..<end {
                diagonal.append(reflectors.appendReflection())
                let vector = lines.row(index) + index
                for other in index + 1..<max(index + 1, end) {
                    let product = umbel_f64_dot(vector, lines.row(other) + index, lines.columns - index)
                    umbel_f64_add_scaled(
                        lines.row(other) + index, vector, -reflectors.factors[index] * product, lines.columns - index)
                }
            }
            guard end < lines.rows else { break }
            reflectors.block(begin..<end).apply(to: lines, rows: end..<lines.rows, isTransposed: true, pool: pool)
        }
        let triangle = DoubleMatrix(rows: size, columns: lines.rows)
        for column in 0..<lines.rows {
            for row in 0..<min(column, size) { triangle[row, column] = lines[column, row] }
            if column < size { triangle[column, column] = diagonal[column] }
        }
        self.reflectors = reflectors
        self.triangle = triangle
    }

    /// Q·x for every row x of `matrix`, which has as many columns as R has rows.
    func turned(_ matrix: DoubleMatrix, pool: ComputePool) -> DoubleMatrix {
        let result = DoubleMatrix(rows: matrix.rows, columns: reflectors.storage.columns)
        for row in 0..<matrix.rows { result.row(row).update(from: matrix.row(row), count: matrix.columns) }
        reflectors.apply(to: result, pool: pool)
        return result
    }
}
