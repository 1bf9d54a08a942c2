internal import CUmbelKernels
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

private struct Butterfly: MatrixTransform, ColumnTransform {
    let rotations: SquareBlocks
    let stages: Int
    let count: Int
    let size: Int
    let rescale: [Float]?

    func apply(to matrix: Matrix, strength: Double, pool: ComputePool) throws(MergeError) {
        let pass = pass(strength: strength, pool: pool)
        // The rotations mix rows only, so any columns can be worked on apart.
        pool.forEachRange(matrix.columns, grain: Panels.width) { columns in
            _ = pass.run(MergeTile(in: matrix).columns(columns))
        }
    }

    func pass(strength: Double, pool: ComputePool) -> any ColumnPass {
        ButterflyPass(
            rotations: Rotations(rotations, strength: strength, transposed: false, pool: pool),
            orders: (0..<stages).map(order), rescale: rescale ?? [Float](repeating: 1, count: count * size))
    }

    /// Where the rows of a stage lie, block after block.
    private func order(of stage: Int) -> [UInt32] {
        let half = (1 << stage) * size / 2
        return (0..<count * size).map { UInt32(row(of: $0, half: half)) }
    }

    /// Where the row that is `shuffled` in the order (c, u, g) lies in the order (c, g, u).
    private func row(of shuffled: Int, half: Int) -> Int {
        let (pair, group) = (shuffled / 2, shuffled % 2)
        let (block, offset) = (pair / half, pair % half)
        return (block * 2 + group) * half + offset
    }
}

/// All stages on a panel of columns: the first reads the weight, the last writes the result, and what is between them goes
/// back and forth between two places in the second-level cache.
private struct ButterflyPass: ColumnPass {
    let rotations: Rotations
    /// By stage.
    let orders: [[UInt32]]
    /// One for each row.
    let rescale: [Float]

    func run(_ tile: MergeTile) -> Bool {
        precondition(tile.rows == rescale.count && tile.columns <= Panels.width)
        guard let last = orders.indices.last else { return RowFactorPass(factors: rescale).run(tile) }
        let panels = Matrix(rows: 2 * tile.rows + rotations.size, columns: Panels.width)
        let scratch = panels.row(2 * tile.rows)
        return withExtendedLifetime(panels) {
            var (here, there) = (panels.start, panels.row(tile.rows))
            var source = tile
            for stage in 0..<last {
                _ = rotate(source.writing(to: there, stride: Panels.width), stage, factors: nil, scratch)
                swap(&here, &there)
                source = tile.reading(from: here, stride: Panels.width)
            }
            return rescale.withUnsafeBufferPointer { rotate(source, last, factors: $0.baseAddress, scratch) }
        }
    }

    private func rotate(
        _ tile: MergeTile, _ stage: Int, factors: UnsafePointer<Float>?, _ scratch: UnsafeMutablePointer<Float>
    ) -> Bool {
        let blocks = tile.rows / rotations.size
        return runKernel(tile) {
            umbel_merge_rotated_rows(
                $0, orders[stage], rotations.size, blocks, rotations.block(stage * blocks), factors, scratch)
        }
    }
}
