package import UmbelNames
package import UmbelTensor

/// What PiSSA and OLoRA take from the base before training; the file's pair belongs to what is left.
///
/// - PiSSA (arXiv 2404.02948): W − U_r·S_r·V_rᵀ, the r largest singular triples. `pissa_niter_N` finds them by N rounds of a randomised
///   method, of which this is the limit; where the spectrum is flat it is not near it, and nothing in the file tells by how
///   much (`hasApproximateStart`).
/// - OLoRA (arXiv 2406.01775): W − s·Q[:, :r]·R[:r, :] with W = Q·R. The first r columns of Q are the orthonormalised first
///   r columns of W, and R[:r, :] = Q[:, :r]ᵀ·W; signs cancel in the product.
///
/// Applied in full at every strength, before the delta. Source: PEFT `LoraLayer.pissa_init`, `olora_init`.
package struct SingularBase: WorkedOutAddition {
    package enum Start: Sendable {
        case pissa
        case olora(scale: Double)
    }

    private let start: Start
    private let rank: Int

    package init(_ start: Start, rank: Int) {
        self.start = start
        self.rank = rank
    }

    package func applied(at strength: Double) -> Double { -1 }

    package func difference(from weight: WeightRows, pool: ComputePool) throws(MergeError) -> LowRankDelta? {
        switch start {
        case .pissa:
            let part = try weight.approximation(rank: rank, pool: pool)
            return LowRankDelta(up: part.left, down: part.right, scale: 1)
        case .olora(let scale):
            let kept = min(rank, weight.rows, weight.columns)
            guard let basis = Orthonormal.columns(weight.leadingColumns(kept)) else {
                throw .decomposition(tensor: "", rows: weight.rows, columns: weight.columns)
            }
            let transposed = Matrix(rows: kept, columns: weight.rows, values: basis.flatMap { $0.map { Float($0) } })
            return LowRankDelta(
                up: transposed.transposed(), down: weight.multiplied(onLeftBy: transposed, pool: pool), scale: scale)
        }
    }

    /// The patches that come before a LoRA pair's own, by `init_lora_weights`; empty for the ordinary starts.
    package static func patches(
        _ module: ModuleFactors, _ view: TargetView, rank: Int, scale: Double, _ context: AdapterContext
    ) -> [Patch] {
        guard let initialisation = context.config(for: module.stem)?.initialisation else { return [] }
        let start: Start
        if initialisation == "olora" {
            start = .olora(scale: scale)
        } else if initialisation == "pissa" || initialisation.hasPrefix("pissa_niter_") {
            start = .pissa
        } else {
            return []
        }
        return [Patch(view, .matrix(SingularBase(start, rank: rank)))]
    }
}

extension WeightRows {
    /// The first so many columns.
    fileprivate func leadingColumns(_ count: Int) -> [[Double]] {
        var found = [[Double]](repeating: [Double](repeating: 0, count: rows), count: count)
        forEachPortion { range, portion in
            for row in range {
                for column in 0..<count { found[column][row] = Double(portion[row - range.lowerBound, column]) }
            }
        }
        return found
    }

    /// left · W, each element one fused sum in the order of the rows.
    ///
    /// - Precondition: `left.columns == rows`.
    fileprivate func multiplied(onLeftBy left: Matrix, pool: ComputePool) -> Matrix {
        precondition(left.columns == rows)
        let product = Matrix(rows: left.rows, columns: columns, repeating: 0)
        forEachPortion { range, portion in
            pool.forEach(left.rows) { index in
                for row in range {
                    Product.add(
                        portion.row(row - range.lowerBound), scaledBy: left[index, row], to: product.row(index),
                        count: columns)
                }
            }
        }
        return product
    }
}

extension PEFTConfig {
    /// Was the base of this adapter changed by something that can only be approximated? To be reported.
    package var hasApproximateStart: Bool { initialisation.hasPrefix("pissa_niter_") }
}
