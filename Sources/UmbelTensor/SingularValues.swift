/// Why a decomposition failed.
package enum DecompositionError: Error, Equatable {
    /// A matrix of this size holds something that is no number.
    case notFinite(rows: Int, columns: Int)
}

/// How much of a matrix is left when it is cut to a rank, as sums of squared singular values.
package struct TruncatedEnergy: Hashable, Sendable {
    package let kept: Double
    package let whole: Double

    package init(kept: Double, whole: Double) {
        self.kept = kept
        self.whole = whole
    }

    /// That of a matrix which is kept whole: its squared norm.
    package static func whole(of matrix: Matrix) -> TruncatedEnergy {
        let energy = matrix.norm * matrix.norm
        return TruncatedEnergy(kept: energy, whole: energy)
    }

    fileprivate func scaled(by factor: Double) -> TruncatedEnergy {
        TruncatedEnergy(kept: factor * kept, whole: factor * whole)
    }

    /// 1 − Σ kept σ² / Σ σ², from 0 to 1; 0 for a matrix of zeros.
    package var lost: Double { whole > 0 ? max(0, 1 - kept / whole) : 0 }
}

/// The best approximation of a matrix by one of a smaller rank, in f64. Every sum has a fixed order, so that neither the
/// CPU nor the number of threads changes a bit of it.
package enum SingularValues {
    /// A ≈ `left` (rows, r) · `right` (r, columns).
    package struct Approximation {
        package let left: Matrix
        package let right: Matrix
        package let energy: TruncatedEnergy
    }

    /// The best approximation of `matrix` of at most `rank`: orthonormal columns on the left, rows with the lengths of the
    /// singular values on the right. A matrix of no more than that rank comes out as itself times the identity.
    ///
    /// - Parameter matrix: read once, some rows at a time.
    package static func truncated(
        _ matrix: some ReadableRows, rank: Int, pool: ComputePool
    ) throws(DecompositionError) -> Approximation {
        let rank = max(0, rank)
        guard rank < min(matrix.rows, matrix.columns) else { return whole(matrix.copied(pool: pool)) }
        let (numbers, largest) = try matrix.inDoublePrecision(pool: pool)
        let scale = Scale(largest: largest)
        numbers.scale(by: scale.inward, pool: pool)
        return cut(numbers, rank: rank, outward: scale.outward, pool) { side, _ in side }
    }

    /// The best approximation of `up` (rows, q) · `down` (q, columns) of at most `rank`, without writing the product out.
    ///
    /// With up = Q₁·R₁ and downᵀ = Q₂·R₂ the product is Q₁·(R₁·R₂ᵀ)·Q₂ᵀ, and the singular values are those of the small
    /// matrix in the middle.
    ///
    /// - Precondition: `up.columns == down.rows`.
    package static func truncatedProduct(
        _ up: Matrix, _ down: Matrix, rank: Int, pool: ComputePool
    ) throws(DecompositionError) -> Approximation {
        precondition(up.columns == down.rows)
        let rank = max(0, rank)
        let (upScale, downScale) = (try Scale(of: up), try Scale(of: down))
        let first = TriangularFactor(columns: DoubleMatrix(up.transposed(), times: upScale.inward), pool: pool)
        let second = TriangularFactor(columns: DoubleMatrix(down, times: downScale.inward), pool: pool)
        let core = DoubleMatrix.product(first.triangle.operand, second.triangle.operand.transposed, pool: pool)
        let outward = upScale.outward * downScale.outward
        guard rank < min(core.rows, core.columns) else {
            let energy = TruncatedEnergy(kept: core.squaredNorm, whole: core.squaredNorm)
            return Approximation(left: up, right: down, energy: energy.scaled(by: outward * outward))
        }
        return cut(core, rank: rank, outward: outward, pool) { side, isLeft in
            (isLeft ? first : second).turned(side, pool: pool)
        }
    }

    /// - Parameter turned: what the rows of either factor are outside the matrix that is cut.
    private static func cut(
        _ matrix: DoubleMatrix, rank: Int, outward: Double, _ pool: ComputePool,
        turned: (_ side: DoubleMatrix, _ isLeft: Bool) -> DoubleMatrix
    ) -> Approximation {
        let part = LeadingPart(of: matrix, rank: rank, pool: pool)
        let (left, right) = part.factors
        return Approximation(
            left: turned(left, true).narrowed(times: 1).transposed(),
            right: turned(right, false).narrowed(times: outward), energy: part.energy.scaled(by: outward * outward))
    }

    /// - Parameter copy: nobody else's, since the caller may go on to change what it was made of.
    private static func whole(_ copy: Matrix) -> Approximation {
        let size = min(copy.rows, copy.columns)
        let identity = Matrix(rows: size, columns: size, repeating: 0)
        for index in 0..<size { identity[index, index] = 1 }
        let isWide = copy.rows < copy.columns
        return Approximation(
            left: isWide ? identity : copy, right: isWide ? copy : identity, energy: .whole(of: copy))
    }

    /// Powers of two that bring a matrix's largest number to between 1 and 2, and back: nothing is rounded by them, and
    /// squares of squares neither overflow nor vanish.
    private struct Scale {
        let inward: Double
        let outward: Double

        init(of matrix: Matrix) throws(DecompositionError) {
            guard matrix.isFinite else { throw .notFinite(rows: matrix.rows, columns: matrix.columns) }
            self.init(largest: matrix.largestMagnitude)
        }

        init(largest: Float) {
            let exponent = largest > 0 ? Int(largest.exponent) : 0
            inward = Double(sign: .plus, exponent: -exponent, significand: 1)
            outward = Double(sign: .plus, exponent: exponent, significand: 1)
        }
    }
}
