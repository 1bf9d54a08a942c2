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
package struct SingularBase: MatrixTransform {
    package enum Start: Sendable {
        case pissa
        case olora(scale: Double)
    }

    private let start: Start
    private let rank: Int
    private let module: String

    package init(_ start: Start, rank: Int, module: String) {
        self.start = start
        self.rank = rank
        self.module = module
    }

    package func apply(to matrix: Matrix, strength: Double, pool: ComputePool) throws(MergeError) {
        switch start {
        case .pissa:
            let part: SingularValues.Approximation
            do {
                part = try SingularValues.truncated(matrix, rank: rank, pool: pool)
            } catch {
                throw .decomposition(tensor: module, rows: matrix.rows, columns: matrix.columns)
            }
            try subtract(part.left, part.right, scale: 1, from: matrix, pool)
        case .olora(let scale):
            let kept = min(rank, matrix.rows, matrix.columns)
            let columns = (0..<kept).map { column in (0..<matrix.rows).map { Double(matrix[$0, column]) } }
            guard let basis = Orthonormal.columns(columns) else {
                throw .decomposition(tensor: module, rows: matrix.rows, columns: matrix.columns)
            }
            let transposed = Matrix(rows: kept, columns: matrix.rows, values: basis.flatMap { $0.map { Float($0) } })
            try subtract(
                transposed.transposed(), transposed.multiplied(by: matrix), scale: scale, from: matrix, pool)
        }
    }

    private func subtract(
        _ left: Matrix, _ right: Matrix, scale: Double, from matrix: Matrix, _ pool: ComputePool
    ) throws(MergeError) {
        let part = Addition(LowRankDelta(up: left, down: right, scale: scale))
        try WeightTransform.rows(part).apply(to: matrix, strength: -1, pool: pool)
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
        return [Patch(view, .matrix(SingularBase(start, rank: rank, module: module.stem)))]
    }
}

extension PEFTConfig {
    /// Was the base of this adapter changed by something that can only be approximated? To be reported.
    package var hasApproximateStart: Bool { initialisation.hasPrefix("pissa_niter_") }
}
