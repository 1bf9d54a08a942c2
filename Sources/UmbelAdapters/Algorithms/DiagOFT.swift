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
    let rotations: [SmallMatrix]
    let size: Int
    let rescale: [Float]?

    var rowGroup: Int { size }

    func apply(to tile: RowTile, strength: Double) {
        let before = Matrix(rows: size, columns: tile.columns)
        let rotation = Matrix(rows: size, columns: size)
        for firstRow in stride(from: 0, to: tile.rows, by: size) {
            rotations[(tile.firstRow + firstRow) / size].write(interpolated: strength, transposed: true, to: rotation)
            before.start.update(from: tile.row(firstRow), count: before.count)
            Product.write(rotation, times: before.start, columns: tile.columns, to: tile.row(firstRow))
        }
        guard let rescale else { return }
        for row in 0..<tile.rows { tile.scaleRow(row, by: rescale[tile.firstRow + row]) }
    }
}
