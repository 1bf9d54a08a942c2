internal import CUmbelKernels

/// Owned f64 storage of `rows` × `columns`, row-major, each row from a multiple of eight numbers on: what decompositions
/// compute in.
final class DoubleMatrix: @unchecked Sendable {
    // Sendable: whoever makes a matrix fills it before sharing it; tiles written in parallel never overlap.
    let rows: Int
    let columns: Int
    let stride: Int
    let start: UnsafeMutablePointer<Double>
    private let bytes: RecycledMemory.Block

    /// Zeros.
    init(rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0)
        self.rows = rows
        self.columns = columns
        stride = (columns + 7) / 8 * 8
        bytes = RecycledMemory.take(byteCount: rows * stride * MemoryLayout<Double>.stride)
        start = bytes.start.assumingMemoryBound(to: Double.self)
        start.initialize(repeating: 0, count: rows * stride)
    }

    /// `factor` times the numbers of an f32 matrix.
    convenience init(_ matrix: Matrix, times factor: Double) {
        self.init(rows: matrix.rows, columns: matrix.columns)
        for row in 0..<rows { umbel_f64_from_f32(self.row(row), matrix.row(row), factor, columns) }
    }

    deinit { RecycledMemory.give(bytes) }

    func row(_ index: Int) -> UnsafeMutablePointer<Double> {
        precondition(index >= 0 && index <= rows)
        return start + index * stride
    }

    subscript(row: Int, column: Int) -> Double {
        get {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns)
            return start[row * stride + column]
        }
        set {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns)
            start[row * stride + column] = newValue
        }
    }

    /// Σx², row by row.
    var squaredNorm: Double { (0..<rows).reduce(0) { $0 + umbel_f64_dot(row($1), row($1), columns) } }

    /// Multiplies every number.
    func scale(by factor: Double, pool: ComputePool) {
        pool.forEachRange(rows, grain: max(1, 32_768 / max(1, columns))) { range in
            for row in range { umbel_f64_scale(self.row(row), factor, columns) }
        }
    }

    /// `factor` times the numbers, rounded to f32.
    func narrowed(times factor: Double) -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        for row in 0..<rows { umbel_f64_to_f32(matrix.row(row), self.row(row), factor, columns) }
        return matrix
    }

    /// The rows of `range`, all columns, as an operand of a product.
    func operand(rows range: Range<Int>) -> DoubleOperand {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows)
        return DoubleOperand(
            storage: umbel_f64_matrix(start: start + range.lowerBound * stride, row_stride: stride, column_stride: 1),
            rows: range.count, columns: columns)
    }

    var operand: DoubleOperand { operand(rows: 0..<rows) }
}

/// What a product reads: a matrix, some of its rows and columns, or one of these with its axes exchanged.
struct DoubleOperand: @unchecked Sendable {
    // Sendable: it is only read, and whoever makes a product keeps the matrix for as long.
    fileprivate let storage: umbel_f64_matrix
    let rows: Int
    let columns: Int

    fileprivate init(storage: umbel_f64_matrix, rows: Int, columns: Int) {
        self.storage = storage
        self.rows = rows
        self.columns = columns
    }

    var transposed: DoubleOperand {
        DoubleOperand(
            storage: umbel_f64_matrix(
                start: storage.start, row_stride: storage.column_stride, column_stride: storage.row_stride),
            rows: columns, columns: rows)
    }

    /// Rows and columns from these on.
    func dropping(rows first: Int = 0, columns column: Int = 0) -> DoubleOperand {
        precondition(first >= 0 && first <= rows && column >= 0 && column <= columns)
        return DoubleOperand(
            storage: Self.moved(storage, first, column), rows: rows - first, columns: columns - column)
    }

    fileprivate func corner(row: Int, column: Int) -> umbel_f64_matrix { Self.moved(storage, row, column) }

    private static func moved(_ storage: umbel_f64_matrix, _ row: Int, _ column: Int) -> umbel_f64_matrix {
        umbel_f64_matrix(
            start: storage.start + row * storage.row_stride + column * storage.column_stride,
            row_stride: storage.row_stride, column_stride: storage.column_stride)
    }
}

extension DoubleMatrix {
    enum Sign {
        case plus
        case minus
    }

    /// self[from…, from…] ±= left · right, each element one fused sum in index order, in tiles over the pool's threads.
    ///
    /// - Parameters:
    ///   - origin: where the product's first row and column belong.
    ///   - onlyUpper: leave out tiles that lie wholly below the diagonal.
    /// - Precondition: the product fits, and neither factor is part of this matrix's result.
    func add(
        _ sign: Sign, _ left: DoubleOperand, _ right: DoubleOperand, at origin: (row: Int, column: Int) = (0, 0),
        onlyUpper: Bool = false, pool: ComputePool
    ) {
        precondition(left.columns == right.rows)
        precondition(origin.row + left.rows <= rows && origin.column + right.columns <= columns)
        let height = Int(UMBEL_F64_TILE_ROWS)
        let width = Int(UMBEL_F64_TILE_COLUMNS)
        var corners: [(row: Int, column: Int)] = []
        for row in Swift.stride(from: 0, to: left.rows, by: height) {
            for column in Swift.stride(from: 0, to: right.columns, by: width) {
                if onlyUpper, origin.column + column + width <= origin.row + row { continue }
                corners.append((row, column))
            }
        }
        let tiles = corners
        pool.forEach(tiles.count) { index in
            let (row, column) = tiles[index]
            let workspace = RecycledMemory.take(
                byteCount: Int(UMBEL_F64_WORKSPACE) * MemoryLayout<Double>.stride)
            umbel_f64_multiply_add(
                self.row(origin.row + row) + origin.column + column, stride, left.corner(row: row, column: 0),
                right.corner(row: 0, column: column), min(height, left.rows - row), left.columns,
                min(width, right.columns - column), sign == .minus ? 1 : 0,
                workspace.start.assumingMemoryBound(to: Double.self))
            RecycledMemory.give(workspace)
        }
    }

    /// left · right
    static func product(_ left: DoubleOperand, _ right: DoubleOperand, pool: ComputePool) -> DoubleMatrix {
        let product = DoubleMatrix(rows: left.rows, columns: right.columns)
        product.add(.plus, left, right, pool: pool)
        return product
    }
}
