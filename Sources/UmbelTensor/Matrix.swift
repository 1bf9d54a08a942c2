internal import CUmbelKernels
internal import Glibc

/// Owned f32 storage of `rows` × `columns`, row-major. All arithmetic happens in it.
package final class Matrix: @unchecked Sendable {
    // Sendable: whoever makes a matrix fills it before sharing it; tiles written in parallel never overlap.
    package let rows: Int
    package let columns: Int
    package let start: UnsafeMutablePointer<Float>
    private let bytes: RecycledMemory.Block

    /// Uninitialised storage.
    package init(rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0)
        self.rows = rows
        self.columns = columns
        bytes = ThreadBlocks.take(byteCount: rows * columns * 4)
        start = bytes.start.assumingMemoryBound(to: Float.self)
    }

    package convenience init(rows: Int, columns: Int, repeating value: Float) {
        self.init(rows: rows, columns: columns)
        start.initialize(repeating: value, count: count)
    }

    /// - Precondition: `values` has rows × columns elements.
    package convenience init(rows: Int, columns: Int, values: [Float]) {
        self.init(rows: rows, columns: columns)
        precondition(values.count == count)
        for index in 0..<count { start[index] = values[index] }
    }

    deinit { ThreadBlocks.give(bytes) }

    package var count: Int { rows * columns }

    package var values: [Float] { Array(UnsafeBufferPointer(start: start, count: count)) }

    package func row(_ index: Int) -> UnsafeMutablePointer<Float> {
        precondition(index >= 0 && index <= rows)
        return start + index * columns
    }

    package subscript(row: Int, column: Int) -> Float {
        get {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns)
            return start[row * columns + column]
        }
        set {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns)
            start[row * columns + column] = newValue
        }
    }

    package func copy() -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        matrix.start.update(from: start, count: count)
        return matrix
    }

    package func transposed() -> Matrix {
        let matrix = Matrix(rows: columns, columns: rows)
        // Square blocks keep both sides in cache.
        let block = 32
        for rowBlock in stride(from: 0, to: rows, by: block) {
            for columnBlock in stride(from: 0, to: columns, by: block) {
                for row in rowBlock..<min(rowBlock + block, rows) {
                    for column in columnBlock..<min(columnBlock + block, columns) {
                        matrix.start[column * rows + row] = start[row * columns + column]
                    }
                }
            }
        }
        return matrix
    }

    /// self · right, each element one fused sum in index order.
    ///
    /// - Precondition: `columns == right.rows`.
    package func multiplied(by right: Matrix) -> Matrix {
        precondition(columns == right.rows)
        let product = Matrix(rows: rows, columns: right.columns)
        umbel_multiply(
            product.start, right.columns, start, columns, right.start, right.columns, rows, columns, right.columns)
        return product
    }

    package func scale(by factor: Float) {
        umbel_scale(start, factor, count)
    }

    /// √Σx², summed in f64.
    package var norm: Double { umbel_sum_of_squares(start, count).squareRoot() }

    /// Has another matrix the same shape and the same bits?
    package func hasSameBits(as other: Matrix) -> Bool {
        rows == other.rows && columns == other.columns
            && memcmp(start, other.start, count * MemoryLayout<Float>.stride) == 0
    }

    package var isFinite: Bool { umbel_all_below(start, .infinity, count) == 1 }

    package var isZero: Bool { (0..<count).allSatisfy { start[$0] == 0 } }

    /// Largest magnitude; 0 for an empty matrix.
    package var largestMagnitude: Float { umbel_largest_magnitude(start, count) }
}
