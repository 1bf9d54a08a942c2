internal import UmbelTensor

/// W' = W + m·(f(W) − W): a change that has no strength of its own, such as a rotation, is given one by going from the
/// base towards the full result in a straight line.
enum Interpolation {
    /// Applies `change`, which overwrites the tile with f(W), at a strength. At 1 the result is f(W) to the last bit.
    static func apply(to tile: RowTile, strength: Double, _ change: (RowTile) -> Void) {
        guard strength != 1 else { return change(tile) }
        let base = tile.copy()
        change(tile)
        let factor = Float(strength)
        for index in 0..<tile.count {
            let start = base.start[index]
            tile.start[index] = start + factor * (tile.start[index] - start)
        }
    }

    /// The same for a mere factor: 1 + m·(f − 1).
    static func factor(_ full: Float, strength: Double) -> Float {
        Float(1 + strength * (Double(full) - 1))
    }
}

/// Row i of W is multiplied by a factor of its own.
struct RowScaling: RowTransform {
    let factors: [Float]

    func apply(to tile: RowTile, strength: Double) {
        for row in 0..<tile.rows {
            tile.scaleRow(row, by: Interpolation.factor(factors[tile.firstRow + row], strength: strength))
        }
    }
}

/// Input c of W, which is `kernel` columns, is multiplied by a factor of its own.
struct InputScaling: RowTransform {
    let factors: [Float]
    let kernel: Int

    func apply(to tile: RowTile, strength: Double) {
        let columns = Matrix(rows: 1, columns: tile.columns)
        for column in 0..<tile.columns {
            columns.start[column] = Interpolation.factor(factors[column / kernel], strength: strength)
        }
        for row in 0..<tile.rows { Product.multiply(tile.row(row), by: columns.start, count: tile.columns) }
    }
}
