internal import UmbelTensor

/// W' = W + m·(f(W) − W): a change that has no strength of its own, such as a rotation, is given one by going from the
/// base towards the full result in a straight line.
enum Interpolation {
    /// Applies `change`, which overwrites the tile with f(W), at a strength. At 1 the result is f(W) to the last bit.
    static func apply(to tile: RowTile, strength: Double, _ change: (RowTile) -> Void) {
        guard strength != 1 else { return change(tile) }
        let base = tile.copy()
        change(tile)
        Product.interpolate(tile.start, from: base.start, factor: Float(strength), count: tile.count)
    }
}

/// Row i of W is multiplied by 1 + m·differences[i].
struct RowScaling: RowTransform {
    /// What the factors at strength 1 are more than 1.
    let differences: [Double]

    func apply(to tile: RowTile, strength: Double) {
        for row in 0..<tile.rows {
            tile.scaleRow(row, by: Float(1 + strength * differences[tile.firstRow + row]))
        }
    }

    func passes(over weight: WeightRows, strength: Double, pool: ComputePool) -> [any RowPass] {
        [RowFactorPass(factors: differences.map { Float(1 + strength * $0) })]
    }
}

/// Input c of W, which is `kernel` columns, is multiplied by 1 + m·differences[c].
struct InputScaling: RowTransform {
    /// What the factors at strength 1 are more than 1.
    let differences: [Double]
    let kernel: Int

    func apply(to tile: RowTile, strength: Double) {
        precondition(differences.count * kernel == tile.columns)
        let columns = Matrix(rows: 1, columns: tile.columns)
        var column = columns.start
        for difference in differences {
            column.update(repeating: Float(1 + strength * difference), count: kernel)
            column += kernel
        }
        for row in 0..<tile.rows { Product.multiply(tile.row(row), by: columns.start, count: tile.columns) }
    }

    func passes(over weight: WeightRows, strength: Double, pool: ComputePool) -> [any RowPass] {
        [ColumnFactorPass(differences.map { Float(1 + strength * $0) }, kernel: kernel)]
    }
}
