package import UmbelNames
internal import UmbelTensor

/// PEFT's BOFT: W' = (W·Rᵀ) ⊙ s with R = B_{M−1}·…·B₁·B₀, butterfly factors of rotations.     arXiv 2311.06243
///
/// `boft_R` is [M, D, q, q], `boft_s` [out, 1]. Bᵢ = Pᵢ·diag((I − Q)·(I + Q)⁻¹)·Pᵢᵀ. Pᵢ: the D·q columns are cut into
/// D/2ⁱ groups, each group into pieces of q/2, and the pieces of a group are put in the order 0, 2, 4, …, 1, 3, 5, ….
/// Strength: W + m·(W' − W). Source: PEFT `tuners/boft/layer.py`.
package struct PEFTBOFT: Algorithm {
    package static let name = "peft-boft"

    static let rotations: Role = "boft_R"
    static let magnitude: Role = "boft_s"

    package static let roles = [RoleSpelling(rotations), RoleSpelling(magnitude)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool { module.has(rotations) }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let shape = try module.require(rotations).shape
        let magnitude = try module.require(magnitude)
        let blocks = try module.cayley(module.blocks(rotations), rotations)
        guard shape.count == 4, shape[1] * shape[2] == view.columns else {
            throw module.mismatch(rotations, expected: "[m, d, q, q] with d·q = \(view.columns)")
        }
        guard magnitude.elementCount == view.rows else {
            throw module.mismatch(Self.magnitude, expected: "\(view.rows) elements for \(view.shape.shapeText)")
        }
        let (count, size) = (shape[1], shape[2])
        var factors: [ButterflyFactor] = []
        for level in 0..<shape[0] {
            let rotation = BlockDiagonal(Array(blocks[level * count..<(level + 1) * count]))
            guard level > 0 else {
                factors.append(ButterflyFactor(order: nil, rotation: rotation))
                continue
            }
            guard level < Int.bitWidth - 1, count % (1 << level) == 0, size % 2 == 0 else {
                throw module.mismatch(rotations, expected: "d a multiple of 2ᵐ⁻¹, and q even")
            }
            factors.append(
                ButterflyFactor(order: order(columns: count * size, blockSize: size, level: level), rotation: rotation))
        }
        return [Patch(view, .rows(Butterfly(factors: factors, magnitude: magnitude.values())))]
    }

    /// Row k of Pᵢ has its one at column order[k].
    static func order(columns: Int, blockSize: Int, level: Int) -> [Int] {
        let piece = blockSize / 2
        let group = blockSize << level
        let pieces = group / piece
        let sequence = Array(stride(from: 0, to: pieces, by: 2)) + Array(stride(from: 1, to: pieces, by: 2))
        return (0..<columns).map { column in
            let within = column % group
            return column - within + sequence[within / piece] * piece + within % piece
        }
    }
}

private struct ButterflyFactor: Sendable {
    let order: [Int]?
    let rotation: BlockDiagonal

    /// tile ← tile·Bᵀ, row by row w ← P·diag·Pᵀ·w
    func apply(to tile: RowTile) {
        guard let order else { return rotation.rotateColumns(of: tile) }
        let permuted = Matrix(rows: tile.rows, columns: tile.columns)
        let inner = RowTile(firstRow: tile.firstRow, rows: tile.rows, columns: tile.columns, start: permuted.start)
        for row in 0..<tile.rows {
            for column in 0..<tile.columns { inner.row(row)[order[column]] = tile.row(row)[column] }
        }
        rotation.rotateColumns(of: inner)
        for row in 0..<tile.rows {
            for column in 0..<tile.columns { tile.row(row)[column] = inner.row(row)[order[column]] }
        }
    }
}

private struct Butterfly: RowTransform {
    let factors: [ButterflyFactor]
    let magnitude: [Float]

    func apply(to tile: RowTile, strength: Double) {
        Interpolation.apply(to: tile, strength: strength) { tile in
            for factor in factors { factor.apply(to: tile) }
            for row in 0..<tile.rows { tile.scaleRow(row, by: magnitude[tile.firstRow + row]) }
        }
    }
}
