internal import CUmbelKernels

/// The part of a matrix that belongs to its largest singular values: A ≈ P·E or E^T·P, whichever side is shorter.
///
/// The shorter side's vectors are eigenvectors of A·Aᵀ or Aᵀ·A, of which only those wanted are computed. Squaring hides
/// singular values below √ε times the largest one, so one round takes only those that are not small beside the round's
/// largest; what is left of the matrix (A minus its projection) goes through another round, with its own largest.
struct LeadingPart {
    /// Orthonormal rows (rank, the shorter side).
    let basis: DoubleMatrix
    /// What the matrix is in that basis: rows (rank, the longer side), each of its singular value's length.
    let projection: DoubleMatrix
    /// Is the number of rows the shorter side, so that the basis has left vectors?
    let isWide: Bool
    let energy: TruncatedEnergy

    /// What a round takes: singular values of at least this part of its largest.
    private static let depth = 0x1p-10
    /// A rest of less than this part of the matrix is rounding.
    private static let rounding = 0x1p-44

    /// - Parameters:
    ///   - rest: the matrix; overwritten by what is left of it.
    ///   - rank: below both of its sides.
    init(of rest: DoubleMatrix, rank: Int, pool: ComputePool) {
        isWide = rest.rows < rest.columns
        let (shorter, longer) = isWide ? (rest.rows, rest.columns) : (rest.columns, rest.rows)
        basis = DoubleMatrix(rows: rank, columns: shorter)
        projection = DoubleMatrix(rows: rank, columns: longer)
        let whole = rest.squaredNorm
        let least = Self.rounding * Self.rounding * whole
        var found = 0
        var left = whole
        while found < rank, left > least {
            let new = Self.round(rest, basis, from: found, isWide: isWide, pool)
            for row in found..<new.upperBound {
                basis.row(row).update(from: new.vectors.row(row - found), count: shorter)
            }
            let range = found..<new.upperBound
            let vectors = basis.operand(rows: range)
            let matrix = isWide ? rest.operand : rest.operand.transposed
            projection.add(.plus, vectors, matrix, at: (found, 0), pool: pool)
            found = new.upperBound
            guard found < rank else { break }
            let part = projection.operand(rows: range)
            rest.add(.minus, (isWide ? vectors : part).transposed, isWide ? part : vectors, pool: pool)
            left = rest.squaredNorm
        }
        energy = TruncatedEnergy(kept: projection.squaredNorm, whole: whole)
    }

    /// The vectors that belong to the largest singular values of the rest, orthogonal to those before.
    private static func round(
        _ rest: DoubleMatrix, _ basis: DoubleMatrix, from found: Int, isWide: Bool, _ pool: ComputePool
    ) -> (vectors: DoubleMatrix, upperBound: Int) {
        let gram = DoubleMatrix(rows: basis.columns, columns: basis.columns)
        let across = isWide ? rest.operand : rest.operand.transposed
        gram.add(.plus, across, across.transposed, onlyUpper: true, pool: pool)
        let reduction = TridiagonalReduction(of: gram, pool: pool)
        let eigenvectors = TridiagonalEigenvectors(reduction.tridiagonal)
        let values = eigenvectors.largestValues(basis.rows - found, pool: pool)
        let least = depth * depth * (values.first ?? 0)
        let taken = max(1, values.prefix { $0 > 0 && $0 >= least }.count)
        let vectors = eigenvectors.vectors(of: Array(values.prefix(taken)))
        reduction.reflectors.apply(to: vectors, pool: pool)
        if found > 0 { clear(vectors, of: basis.operand(rows: 0..<found), pool) }
        return (vectors, found + taken)
    }

    /// Takes out of each row what lies in the rows of `basis`, and gives it its length of 1 again.
    private static func clear(_ vectors: DoubleMatrix, of basis: DoubleOperand, _ pool: ComputePool) {
        for _ in 0..<2 {
            let parts = DoubleMatrix.product(vectors.operand, basis.transposed, pool: pool)
            vectors.add(.minus, parts.operand, basis, pool: pool)
        }
        for row in 0..<vectors.rows { umbel_f64_normalise(vectors.row(row), vectors.columns) }
    }

    /// The factors of A ≈ left · right: orthonormal columns (as rows), and rows that carry the singular values.
    var factors: (left: DoubleMatrix, right: DoubleMatrix) {
        if isWide { return (basis, projection) }
        let left = DoubleMatrix(rows: projection.rows, columns: projection.columns)
        let right = DoubleMatrix(rows: basis.rows, columns: basis.columns)
        for row in 0..<projection.rows {
            left.row(row).update(from: projection.row(row), count: left.columns)
            right.row(row).update(from: basis.row(row), count: right.columns)
            umbel_f64_scale(right.row(row), umbel_f64_normalise(left.row(row), left.columns), right.columns)
        }
        return (left, right)
    }
}
