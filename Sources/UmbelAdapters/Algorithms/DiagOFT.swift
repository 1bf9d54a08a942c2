internal import CUmbelKernels
package import UmbelNames
internal import UmbelTensor

/// Diag-OFT: consecutive blocks of q outputs are rotated     arXiv 2306.07280
///
/// W'ₖ = ((1−m)·I + m·Rₖ)ᵀ · Wₖ, then each row times `rescale` if present. `oft_blocks` is (n, q, q) with n·q = out; Rₖ
/// and the constraint α as in `CayleyBlocks`. The transpose is what LyCORIS, ComfyUI and kohya all do.
package struct DiagOFT: Algorithm {
    package static let name = "diag-oft"

    static let blocks: Role = "oft_blocks"

    package static let roles = [RoleSpelling(blocks), RoleSpelling(Rescale.role), RoleSpelling(.alpha)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        module[blocks].map { $0.shape.count != 4 } ?? false
    }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let shape = try module.require(blocks).shape
        guard shape.count == 3, shape[1] == shape[2], shape[0] * shape[1] == view.rows else {
            throw module.mismatch(blocks, expected: "blocks × size = \(view.rows) outputs of \(view.shape.shapeText)")
        }
        let rotation = BlockRotation(
            rotations: try CayleyBlocks.rotations(module, blocks: blocks, size: shape[1], outputs: view.rows),
            size: shape[1], rescale: try Rescale.values(module, rows: view.rows))
        return [Patch(view, .rows(rotation), bound: Rescale.bound(rotation.rescale, rotatedRows: shape[1]))]
    }
}

private struct BlockRotation: RowTransform {
    let rotations: SquareBlocks
    let size: Int
    let rescale: [Float]?

    var rowGroup: Int { size }

    func apply(to tile: RowTile, strength: Double) {
        let before = Matrix(rows: size, columns: tile.columns)
        let rotation = Matrix(rows: size, columns: size)
        for firstRow in stride(from: 0, to: tile.rows, by: size) {
            rotations.write(
                (tile.firstRow + firstRow) / size, interpolated: strength, transposed: true, to: rotation.start)
            before.start.update(from: tile.row(firstRow), count: before.count)
            Product.write(rotation, times: before.start, columns: tile.columns, to: tile.row(firstRow))
        }
        guard let rescale else { return }
        for row in 0..<tile.rows { tile.scaleRow(row, by: rescale[tile.firstRow + row]) }
    }

    func passes(over weight: WeightRows, strength: Double, pool: ComputePool) -> [any RowPass] {
        [BlockRotationPass(Rotations(rotations, strength: strength, transposed: true, pool: pool), rescale: rescale)]
    }
}

/// Blocks of rotations at a strength, in f32, one after the other.
struct Rotations: Sendable {
    let size: Int
    private let values: Matrix

    init(_ rotations: SquareBlocks, strength: Double, transposed: Bool, pool: ComputePool) {
        let size = rotations.size
        let values = Matrix(rows: rotations.count, columns: size * size)
        pool.forEachRange(rotations.count, grain: max(1, 16384 / max(1, size * size))) { range in
            for index in range {
                rotations.write(index, interpolated: strength, transposed: transposed, to: values.row(index))
            }
        }
        self.size = size
        self.values = values
    }

    /// (size, size) numbers.
    func block(_ index: Int) -> UnsafeMutablePointer<Float> { values.row(index) }
}

/// Rotates groups of rows, and multiplies each row by a factor.
private struct BlockRotationPass: RowPass {
    let rotations: Rotations
    let rescale: [Float]?

    init(_ rotations: Rotations, rescale: [Float]?) {
        self.rotations = rotations
        self.rescale = rescale
    }

    var rowGroup: Int { rotations.size }

    func run(_ tile: MergeTile) -> Bool {
        let size = rotations.size
        precondition(tile.firstRow % size == 0 && tile.rows % size == 0)
        let panel = Matrix(rows: size, columns: Panels.width)
        let first = rotations.block(tile.firstRow / size)
        return withExtendedLifetime(panel) {
            guard let rescale else {
                return runKernel(tile) { umbel_merge_rotated($0, size, first, nil, panel.start) }
            }
            precondition(tile.firstRow + tile.rows <= rescale.count)
            return rescale.withUnsafeBufferPointer { rescale in
                guard let start = rescale.baseAddress else { return true }
                return runKernel(tile) { umbel_merge_rotated($0, size, first, start + tile.firstRow, panel.start) }
            }
        }
    }
}
