internal import CUmbelKernels

/// A symmetric tridiagonal matrix.
struct Tridiagonal {
    var diagonal: [Double] = []
    /// The numbers beside the diagonal, one fewer.
    var beside: [Double] = []

    var size: Int { diagonal.count }

    /// The largest sum of magnitudes in a row: no eigenvalue is larger.
    var bound: Double {
        (0..<size).reduce(0) { largest, row in
            let before = row > 0 ? abs(beside[row - 1]) : 0
            let after = row + 1 < size ? abs(beside[row]) : 0
            return max(largest, before + abs(diagonal[row]) + after)
        }
    }
}

/// A symmetric matrix G as Q·T·Qᵀ with T tridiagonal, by Householder reflections in panels: the rows of a panel are
/// brought up to date one by one, what lies below it once, by one product (Dongarra, Sorensen and Hammarling 1989).
struct TridiagonalReduction {
    private let matrix: DoubleMatrix
    private let pool: ComputePool
    private(set) var reflectors: Reflectors
    private(set) var tridiagonal = Tridiagonal()

    /// - Parameter matrix: square, symmetric, only its upper triangle is read; overwritten by the reflections.
    init(of matrix: DoubleMatrix, pool: ComputePool) {
        precondition(matrix.rows == matrix.columns)
        self.matrix = matrix
        self.pool = pool
        reflectors = Reflectors(storage: matrix, offset: 1)
        let last = max(0, matrix.rows - 2)
        for begin in stride(from: 0, to: last, by: Reflectors.blockSize) {
            reducePanel(begin..<min(begin + Reflectors.blockSize, last))
        }
        for row in last..<matrix.rows {
            tridiagonal.diagonal.append(matrix[row, row])
            if row + 1 < matrix.rows { tridiagonal.beside.append(matrix[row, row + 1]) }
        }
    }

    private mutating func reducePanel(_ range: Range<Int>) {
        // What the panel subtracts from all that follows is VᵀW + WᵀV, which as one product is [V; W]ᵀ·[W; V].
        let (width, size) = (range.count, matrix.rows)
        let panel = DoubleMatrix(rows: 3 * width, columns: size)
        for (index, row) in range.enumerated() {
            bringUpToDate(row, by: panel, reflections: index, width: width)
            tridiagonal.diagonal.append(matrix[row, row])
            tridiagonal.beside.append(reflectors.appendReflection())
            let count = size - row - 1
            for copy in [index, 2 * width + index] {
                (panel.row(copy) + row + 1).update(from: matrix.row(row) + row + 1, count: count)
            }
            addCompanion(of: row, to: panel, reflections: index, width: width)
        }
        let end = range.upperBound
        matrix.add(
            .minus, panel.operand(rows: 0..<2 * width).dropping(columns: end).transposed,
            panel.operand(rows: width..<3 * width).dropping(columns: end), at: (end, end), onlyUpper: true, pool: pool)
    }

    private func bringUpToDate(_ row: Int, by panel: DoubleMatrix, reflections: Int, width: Int) {
        let count = matrix.rows - row
        for index in 0..<reflections {
            let (v, w) = (panel.row(index) + row, panel.row(width + index) + row)
            umbel_f64_add_scaled(matrix.row(row) + row, w, -v[0], count)
            umbel_f64_add_scaled(matrix.row(row) + row, v, -w[0], count)
        }
    }

    /// w = p − ½τ(pᵀv)·v with p = τ·(G − VᵀW − WᵀV)·v, where G is what the matrix was before this panel.
    private func addCompanion(of row: Int, to panel: DoubleMatrix, reflections: Int, width: Int) {
        let factor = reflectors.factors[row]
        let place = row + 1
        let count = matrix.rows - place
        let v = panel.row(reflections)
        let product = panel.row(width + reflections)
        guard factor != 0 else { return }
        SymmetricProduct(matrix: matrix, first: place).write(to: product, of: v, pool: pool)
        for index in 0..<reflections {
            let (before, companion) = (panel.row(index) + place, panel.row(width + index) + place)
            let alongCompanion = umbel_f64_dot(companion, v + place, count)
            let alongBefore = umbel_f64_dot(before, v + place, count)
            umbel_f64_add_scaled(product + place, before, -alongCompanion, count)
            umbel_f64_add_scaled(product + place, companion, -alongBefore, count)
        }
        umbel_f64_scale(product + place, factor, count)
        let overlap = umbel_f64_dot(product + place, v + place, count)
        umbel_f64_add_scaled(product + place, v + place, -0.5 * factor * overlap, count)
    }
}

/// y = G·v for the rows and columns from `first` on of a symmetric matrix of which the upper triangle is stored: every
/// number of it is read once, which is all that this costs.
///
/// The rows are cut into shares of about equal work. How many depends on the size alone, and their results are added in
/// order, so threads change no bit.
private struct SymmetricProduct {
    let matrix: DoubleMatrix
    let first: Int

    /// Below this size one share is faster than any distribution.
    private static let smallestShared = 512
    private static let shares = 8

    private var size: Int { matrix.rows - first }

    private var boundaries: [Int] {
        guard size >= Self.smallestShared else { return [first, matrix.rows] }
        // The rows from x·size on hold (1 − x)² of the triangle.
        let inner = (1..<Self.shares).map { share in
            let rows = Double(size) * (1 - (1 - Double(share) / Double(Self.shares)).squareRoot())
            return first + Int(rows) / 4 * 4
        }
        return [first] + inner + [matrix.rows]
    }

    func write(to product: UnsafeMutablePointer<Double>, of v: UnsafeMutablePointer<Double>, pool: ComputePool) {
        let boundaries = boundaries
        let spread = DoubleMatrix(rows: boundaries.count - 1, columns: matrix.columns)
        let operands = Operands(product: product, v: v)
        let share: @Sendable (Int) -> Void = { index in
            umbel_f64_symmetric_rows(
                operands.product, spread.row(index), matrix.start, matrix.stride, operands.v, boundaries[index],
                boundaries[index + 1], matrix.rows)
        }
        if spread.rows == 1 { share(0) } else { pool.forEach(spread.rows, share) }
        for index in 0..<spread.rows {
            umbel_f64_add_scaled(product + first, spread.row(index) + first, 1, size)
        }
    }

    private struct Operands: @unchecked Sendable {
        // Sendable: every share writes rows of its own, and v is only read.
        let product: UnsafeMutablePointer<Double>
        let v: UnsafeMutablePointer<Double>
    }
}
