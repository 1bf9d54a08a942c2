internal import CUmbelKernels
internal import Synchronization

/// Numbers that can be read some rows at a time, in f32: a matrix in memory, or a weight that is computed as it is read.
package protocol ReadableRows: Sendable {
    var rows: Int { get }
    var columns: Int { get }
    /// Ranges that are read begin and end at multiples of this many rows, or at the last one.
    var rowGroup: Int { get }
    /// Writes the rows of `range` to `scratch`, row-major.
    func widen(_ range: Range<Int>, into scratch: UnsafeMutablePointer<Float>)
}

extension Matrix: ReadableRows {
    package var rowGroup: Int { 1 }

    package func widen(_ range: Range<Int>, into scratch: UnsafeMutablePointer<Float>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows)
        scratch.update(from: row(range.lowerBound), count: range.count * columns)
    }
}

extension ReadableRows {
    /// f32 elements that are read at a time, as far as rows and their groups allow: they stay in a second-level cache.
    private static var portionElements: Int { 32_768 }

    private var portionRows: Int {
        max(1, Self.portionElements / max(1, columns) / max(1, rowGroup)) * max(1, rowGroup)
    }

    /// Reads all rows, one portion after the other.
    ///
    /// - Parameter body: gets the rows' places, and a matrix that holds them in its first rows.
    package func forEachPortion(_ body: (_ range: Range<Int>, _ portion: Matrix) -> Void) {
        let height = min(rows, portionRows)
        let portion = Matrix(rows: height, columns: columns)
        for begin in stride(from: 0, to: rows, by: max(1, height)) {
            let range = begin..<min(begin + height, rows)
            widen(range, into: portion.start)
            body(range, portion)
        }
    }

    /// All rows in memory of their own.
    func copied(pool: ComputePool) -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        pool.forEachRange(rows, grain: portionRows) { widen($0, into: matrix.row($0.lowerBound)) }
        return matrix
    }

    /// All rows in f64, and their largest magnitude. No f32 copy of the whole is made, unless one group of rows is the whole.
    ///
    /// - Throws: `notFinite` if one of the numbers is infinite or none.
    func inDoublePrecision(pool: ComputePool) throws(DecompositionError) -> (matrix: DoubleMatrix, largest: Float) {
        let matrix = DoubleMatrix(rows: rows, columns: columns)
        let found = Mutex((largest: Float(0), isFinite: true))
        pool.forEachRange(rows, grain: portionRows) { range in
            let portion = Matrix(rows: range.count, columns: columns)
            widen(range, into: portion.start)
            for row in range {
                umbel_f64_from_f32(matrix.row(row), portion.row(row - range.lowerBound), 1, columns)
            }
            let (largest, isFinite) = (portion.largestMagnitude, portion.isFinite)
            found.withLock { $0 = (max($0.largest, largest), $0.isFinite && isFinite) }
        }
        let (largest, isFinite) = found.withLock { $0 }
        guard isFinite else { throw .notFinite(rows: rows, columns: columns) }
        return (matrix, largest)
    }
}
