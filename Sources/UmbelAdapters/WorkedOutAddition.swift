package import UmbelTensor

/// W' = W + m·ΔW, where ΔW is a product of factors that are worked out for each merge, perhaps from W itself.
package protocol WorkedOutAddition: MatrixTransform, StreamedTransform {
    /// ΔW for a weight of these rows, which are read some at a time; nil if nothing is added.
    ///
    /// - Throws: for a decomposition that does not exist; the tensor is not named.
    func difference(from weight: WeightRows, pool: ComputePool) throws(MergeError) -> LowRankDelta?

    /// m at the strength that the recipe gives.
    func applied(at strength: Double) -> Double
}

extension WorkedOutAddition {
    package func applied(at strength: Double) -> Double { strength }

    package func apply(to matrix: Matrix, strength: Double, pool: ComputePool) throws(MergeError) {
        guard let difference = try difference(from: WeightRows(matrix), pool: pool) else { return }
        try WeightTransform.rows(Addition(difference)).apply(
            to: matrix, strength: applied(at: strength), pool: pool)
    }

    package func passes(
        over weight: WeightRows, strength: Double, pool: ComputePool
    ) throws(MergeError) -> [any RowPass] {
        guard let difference = try difference(from: weight, pool: pool) else { return [] }
        return Addition(difference).passes(over: weight, strength: applied(at: strength), pool: pool)
    }
}

extension WeightRows: ReadableRows {
    /// The best approximation of the weight of at most `rank`.
    ///
    /// - Throws: `decomposition` if the weight holds what is no number; the tensor is not named.
    func approximation(rank: Int, pool: ComputePool) throws(MergeError) -> SingularValues.Approximation {
        do {
            return try SingularValues.truncated(self, rank: rank, pool: pool)
        } catch {
            throw .decomposition(tensor: "", rows: rows, columns: columns)
        }
    }
}
