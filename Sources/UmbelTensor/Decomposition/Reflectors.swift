internal import CUmbelKernels

/// A product of Householder reflections Q = H₀·H₁·…, Hᵢ = I − τᵢ·vᵢ·vᵢᵀ, where vᵢ begins with a 1 at place i + `offset`.
///
/// vᵢ lies in row i of `storage`, from that place on; what the row holds before it is not the reflection's. A block of
/// reflections is applied as I − Vᵀ·T·V with the vᵢ as rows of V and T upper triangular ("compact WY", Schreiber and Van
/// Loan 1989), so that nearly all work is in products.
struct Reflectors {
    let storage: DoubleMatrix
    let offset: Int
    /// The τᵢ.
    private(set) var factors: [Double] = []

    /// Reflections of a block.
    static let blockSize = 32

    init(storage: DoubleMatrix, offset: Int) {
        self.storage = storage
        self.offset = offset
    }

    /// Makes the next reflection: it turns what row i of the storage holds from its place on into (β, 0, 0, …).
    ///
    /// - Returns: β.
    mutating func appendReflection() -> Double {
        let place = factors.count + offset
        let vector = storage.row(factors.count) + place
        let count = storage.columns - place
        let first = vector[0]
        vector[0] = 1
        let rest = umbel_f64_dot(vector + 1, vector + 1, count - 1)
        guard rest > 0 else {
            factors.append(0)
            return first
        }
        let norm = (first * first + rest).squareRoot()
        let beta = first > 0 ? -norm : norm
        umbel_f64_scale(vector + 1, 1 / (first - beta), count - 1)
        factors.append((beta - first) / beta)
        return beta
    }

    /// Some consecutive reflections as I − Vᵀ·T·V.
    struct Block {
        let vectors: DoubleMatrix
        let triangle: DoubleMatrix
        /// Before this place all numbers of V are 0.
        let begin: Int
    }

    func block(_ range: Range<Int>) -> Block {
        let begin = range.lowerBound + offset
        let vectors = DoubleMatrix(rows: range.count, columns: storage.columns)
        for (row, index) in range.enumerated() {
            let place = index + offset
            (vectors.row(row) + place).update(from: storage.row(index) + place, count: storage.columns - place)
        }
        let triangle = DoubleMatrix(rows: range.count, columns: range.count)
        for (column, index) in range.enumerated() {
            let place = index + offset
            let products = (0..<column).map {
                umbel_f64_dot(vectors.row($0) + place, vectors.row(column) + place, storage.columns - place)
            }
            for row in 0..<column {
                let sum = (row..<column).reduce(0) { $0 + triangle[row, $1] * products[$1] }
                triangle[row, column] = -factors[index] * sum
            }
            triangle[column, column] = factors[index]
        }
        return Block(vectors: vectors, triangle: triangle, begin: begin)
    }

    /// Turns every row x of `matrix` into Q·x.
    func apply(to matrix: DoubleMatrix, pool: ComputePool) {
        for begin in stride(from: 0, to: factors.count, by: Self.blockSize).reversed() {
            let block = block(begin..<min(begin + Self.blockSize, factors.count))
            block.apply(to: matrix, rows: 0..<matrix.rows, isTransposed: false, pool: pool)
        }
    }
}

extension Reflectors.Block {
    /// Turns every one of the rows x into H·x, or Hᵀ·x.
    func apply(to matrix: DoubleMatrix, rows: Range<Int>, isTransposed: Bool, pool: ComputePool) {
        let across = vectors.operand.dropping(columns: begin)
        let products = DoubleMatrix.product(
            matrix.operand(rows: rows).dropping(columns: begin), across.transposed, pool: pool)
        let turned = DoubleMatrix.product(
            products.operand, isTransposed ? triangle.operand : triangle.operand.transposed, pool: pool)
        matrix.add(.minus, turned.operand, across, at: (rows.lowerBound, begin), pool: pool)
    }
}
