package import UmbelNames
internal import UmbelTensor

/// BOFT: log₂(n)+1 stages of block rotations, rows shuffled between them like a butterfly     arXiv 2311.06243
///
/// `oft_blocks` is (S, n, q, q), q even, n a power of two, n·q = out, S ≤ log₂(n)+1. Stage i, with t = 2ⁱ·q/2: view the
/// rows as (c, g, u) with g of size 2 and u of size t, reorder to (c, u, g), cut into n blocks of q, and
/// blockₖ ← ((1−m)·I + m·Rᵢₖ) · blockₖ, not transposed; then undo the reordering. Last, times `rescale`.
package struct BOFT: Algorithm {
    package static let name = "boft"

    package static let roles = DiagOFT.roles

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        module[DiagOFT.blocks].map { $0.shape.count == 4 } ?? false
    }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let shape = try module.require(DiagOFT.blocks).shape
        let (stages, count, size) = (shape[0], shape[1], shape[2])
        guard shape[2] == shape[3], count * size == view.rows, size % 2 == 0, count & (count - 1) == 0,
            stages <= count.trailingZeroBitCount + 1
        else {
            throw module.mismatch(
                DiagOFT.blocks,
                expected: "stages, 2ⁿ blocks of an even size that cover \(view.rows) outputs of \(view.shape.shapeText)"
            )
        }
        let butterfly = Butterfly(
            rotations: try CayleyBlocks.rotations(module, blocks: DiagOFT.blocks, size: size, outputs: view.rows),
            stages: stages, count: count, size: size, rescale: try Rescale.values(module, rows: view.rows))
        return [Patch(view, .matrix(butterfly), bound: Rescale.bound(butterfly.rescale, rotatedRows: view.rows))]
    }
}

private struct Butterfly: MatrixTransform {
    let rotations: [SmallMatrix]
    let stages: Int
    let count: Int
    let size: Int
    let rescale: [Float]?

    func apply(to matrix: Matrix, strength: Double, pool: ComputePool) throws(MergeError) {
        for stage in 0..<stages {
            let half = (1 << stage) * size / 2
            pool.forEach(count) { block in
                rotate(block, stage, half, matrix, strength)
            }
        }
        guard let rescale else { return }
        let tile = RowTile(firstRow: 0, rows: matrix.rows, columns: matrix.columns, start: matrix.start)
        pool.forEach(matrix.rows) { tile.scaleRow($0, by: rescale[$0]) }
    }

    /// Rotates one block of one stage. The blocks of a stage share no row.
    private func rotate(_ block: Int, _ stage: Int, _ half: Int, _ matrix: Matrix, _ strength: Double) {
        let columns = matrix.columns
        let rotation = rotations[stage * count + block].interpolated(strength).matrix
        let before = Matrix(rows: size, columns: columns)
        let after = Matrix(rows: size, columns: columns)
        let rows = (0..<size).map { row(of: block * size + $0, half: half) }
        for (index, row) in rows.enumerated() { before.row(index).update(from: matrix.row(row), count: columns) }
        Product.write(rotation, times: before.start, columns: columns, to: after.start)
        for (index, row) in rows.enumerated() { matrix.row(row).update(from: after.row(index), count: columns) }
    }

    /// Where the row that is `shuffled` in the order (c, u, g) lies in the order (c, g, u).
    private func row(of shuffled: Int, half: Int) -> Int {
        let (pair, group) = (shuffled / 2, shuffled % 2)
        let (block, offset) = (pair / half, pair % half)
        return (block * 2 + group) * half + offset
    }
}
