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

    /// Columns that go through all stages together, so that they stay in the second-level cache.
    private static let panelColumns = 64

    func apply(to matrix: Matrix, strength: Double, pool: ComputePool) throws(MergeError) {
        // The rotations mix rows only, so any columns can be worked on apart.
        let blocks = Matrix(rows: rotations.count, columns: size * size)
        pool.forEach(rotations.count) { index in
            let block = Matrix(rows: size, columns: size)
            rotations[index].write(interpolated: strength, transposed: false, to: block)
            blocks.row(index).update(from: block.start, count: block.count)
        }
        pool.forEachRange(matrix.columns, grain: Self.panelColumns) { columns in
            rotate(columns, of: matrix, blocks)
        }
    }

    /// Takes some columns through all stages.
    private func rotate(_ columns: Range<Int>, of matrix: Matrix, _ blocks: Matrix) {
        let panel = Matrix(rows: matrix.rows, columns: columns.count)
        for row in 0..<panel.rows {
            panel.row(row).update(from: matrix.row(row) + columns.lowerBound, count: columns.count)
        }
        let before = Matrix(rows: size, columns: columns.count)
        let after = Matrix(rows: size, columns: columns.count)
        let rotation = Matrix(rows: size, columns: size)
        for stage in 0..<stages {
            let half = (1 << stage) * size / 2
            for block in 0..<count {
                rotation.start.update(from: blocks.row(stage * count + block), count: rotation.count)
                for index in 0..<size {
                    before.row(index).update(
                        from: panel.row(row(of: block * size + index, half: half)), count: columns.count)
                }
                Product.write(rotation, times: before.start, columns: columns.count, to: after.start)
                for index in 0..<size {
                    panel.row(row(of: block * size + index, half: half)).update(
                        from: after.row(index), count: columns.count)
                }
            }
        }
        let tile = RowTile(firstRow: 0, rows: panel.rows, columns: panel.columns, start: panel.start)
        for row in 0..<panel.rows {
            if let rescale { tile.scaleRow(row, by: rescale[row]) }
            (matrix.row(row) + columns.lowerBound).update(from: panel.row(row), count: columns.count)
        }
    }

    /// Where the row that is `shuffled` in the order (c, u, g) lies in the order (c, g, u).
    private func row(of shuffled: Int, half: Int) -> Int {
        let (pair, group) = (shuffled / 2, shuffled % 2)
        let (block, offset) = (pair / half, pair % half)
        return (block * 2 + group) * half + offset
    }
}
