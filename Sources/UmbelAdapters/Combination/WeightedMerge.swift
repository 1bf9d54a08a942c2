package import UmbelTensor

/// Makes one matrix of several of the same size, element by element, so that threads change nothing.
package enum WeightedMerge {
    /// sum += w·x, fused.
    ///
    /// - Precondition: both of one size.
    package static func add(_ part: Matrix, weight: Double, to sum: Matrix, pool: ComputePool) {
        precondition(part.count == sum.count)
        pool.forEachRange(sum.count, grain: 1 << 14) { range in
            Product.add(
                part.start + range.lowerBound, scaledBy: Float(weight), to: sum.start + range.lowerBound,
                count: range.count)
        }
    }

    /// first ← Σ w·x over those x that have the elected sign, divided by their number.     TIES, arXiv 2306.01708
    ///
    /// The election looks at x without its weight, and a draw elects +. Weights apply afterwards. Source: PEFT
    /// `merge_utils.ties`.
    ///
    /// - Precondition: as many weights as parts, at least one; all parts of one size.
    package static func elected(
        _ parts: [Matrix], weights: [Double], by majority: MajoritySign, pool: ComputePool
    ) -> Matrix {
        let result = parts[0]
        precondition(parts.count == weights.count && parts.allSatisfy { $0.count == result.count })
        pool.forEachRange(result.count, grain: 1 << 12) { range in
            let count = range.count
            // Rows: the votes, the sum of those that are kept, and their number.
            let scratch = Matrix(rows: 3, columns: count, repeating: 0)
            let (votes, sums, kept) = (scratch.row(0), scratch.row(1), scratch.row(2))
            for part in parts { vote(part.start + range.lowerBound, majority, votes, count) }
            for (part, weight) in zip(parts, weights) {
                let (values, factor) = (part.start + range.lowerBound, Float(weight))
                for index in 0..<count where votes[index] >= 0 ? values[index] > 0 : values[index] < 0 {
                    sums[index] += values[index] * factor
                    kept[index] += 1
                }
            }
            let target = result.start + range.lowerBound
            for index in 0..<count { target[index] = sums[index] / max(1, kept[index]) }
        }
        return result
    }

    private static func vote(
        _ values: UnsafePointer<Float>, _ majority: MajoritySign, _ votes: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        switch majority {
        case .total: for index in 0..<count { votes[index] += values[index] }
        case .frequency:
            for index in 0..<count { votes[index] += values[index] > 0 ? 1 : values[index] < 0 ? -1 : 0 }
        }
    }
}
