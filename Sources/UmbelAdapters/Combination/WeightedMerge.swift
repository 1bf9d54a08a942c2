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
        let factors = weights.map { Float($0) }
        pool.forEachRange(result.count, grain: 1 << 14) { range in
            for index in range {
                let isPositive = votes(at: index, of: parts, majority) >= 0
                var sum: Float = 0
                var kept = 0
                for (part, factor) in zip(parts, factors) {
                    let value = part.start[index]
                    guard isPositive ? value > 0 : value < 0 else { continue }
                    sum += value * factor
                    kept += 1
                }
                result.start[index] = sum / Float(max(1, kept))
            }
        }
        return result
    }

    private static func votes(at index: Int, of parts: [Matrix], _ majority: MajoritySign) -> Float {
        parts.reduce(0) { sum, part in
            let value = part.start[index]
            return switch majority {
            case .total: sum + value
            case .frequency: sum + (value > 0 ? 1 : value < 0 ? -1 : 0)
            }
        }
    }
}
