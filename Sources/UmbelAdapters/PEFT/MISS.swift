internal import UmbelFormats
package import UmbelNames
internal import UmbelTensor

/// MISS, Bone until peft 0.18: W'[o, c] = W[o, c] + block[c mod r, o].     arXiv 2409.15371
///
/// The block is (r, out), or (r, mini_r) with `init_weights` "mini", where it repeats along the outputs. With "bat" it is
/// (out/r, r, r), and each r × r tile T of W in block row i becomes T + T·Bᵢ + Bᵢ. Strength: W + m·ΔW.
/// Source: PEFT `tuners/miss/layer.py`.
package struct MISS: Algorithm {
    package static let name = "miss"

    static let block: Role = "miss_block"

    package static let roles = [RoleSpelling(block, "bone_block")]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool { module.has(block) }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let stored = try module.require(block)
        let shape = stored.shape
        if shape.count == 3 {
            let side = shape[2]
            guard shape[1] == side, shape[0] * side == view.rows, view.columns % side == 0 else {
                throw module.mismatch(block, expected: "[out/r, r, r] for \(view.shape.shapeText)")
            }
            return [Patch(view, .rows(BlockAffine(blocks: stored.matrix(rows: view.rows), side: side)))]
        }
        let isMini = context.config(for: module.stem)?.fields["init_weights"]?.string == "mini"
        guard shape.count == 2, isMini ? view.rows % shape[1] == 0 : shape[1] == view.rows else {
            throw module.mismatch(block, expected: isMini ? "[r, a divisor of \(view.rows)]" : "[r, \(view.rows)]")
        }
        return [Addition.patch(view, RepeatedBlock(block: stored.matrix(), rows: view.rows, columns: view.columns))]
    }
}

/// values[o, c] = block[c mod r, o mod width]
private struct RepeatedBlock: Delta {
    let block: Matrix
    let rows: Int
    let columns: Int
    let scale = 1.0

    var bound: Double { Double(block.largestMagnitude) }

    func write(_ rows: Range<Int>, to out: UnsafeMutablePointer<Float>) {
        var destination = out
        for row in rows {
            for column in 0..<columns {
                destination[column] = block.row(column % block.rows)[row % block.columns]
            }
            destination += columns
        }
    }
}

/// W' = W + m·(W·B + B), tile by tile: row o uses block o div r, of which the row o mod r is added.
private struct BlockAffine: RowTransform {
    /// (out, r): the blocks one below the other.
    let blocks: Matrix
    let side: Int

    func apply(to tile: RowTile, strength: Double) {
        let factor = Float(strength)
        for row in 0..<tile.rows {
            let output = tile.firstRow + row
            let block = blocks.row(output / side * side)
            let shift = blocks.row(output)
            let values = Matrix(rows: tile.columns / side, columns: side)
            values.start.update(from: tile.row(row), count: tile.columns)
            let product = Matrix(rows: values.rows, columns: side)
            Product.write(values, times: block, columns: side, to: product.start)
            for column in 0..<tile.columns {
                tile.row(row)[column] += factor * (product.start[column] + shift[column % side])
            }
        }
    }
}
