internal import UmbelTensor

/// A difference made ready to be added to tiles: its factors packed as the kernels read them.
package protocol DeltaAdder: Sendable {
    /// tile += factor · values of the tile's rows, fused, as `Delta.add` does it.
    ///
    /// - Returns: whether every sum is below the tile's limit.
    func add(to tile: MergeTile, scaledBy factor: Float) -> Bool
}

/// W + factor · values
struct AdditionPass: RowPass {
    let adder: any DeltaAdder
    let factor: Float

    init(adder: any DeltaAdder, factor: Float) {
        self.adder = adder
        self.factor = factor
    }

    /// strength · scale · values of a difference.
    ///
    /// - Precondition: it has the size of the weight.
    init(_ delta: any Delta, over weight: WeightRows, strength: Double, pool: ComputePool) {
        precondition(delta.columns == weight.columns && delta.rows == weight.rows)
        self.init(adder: delta.adder(pool: pool), factor: Float(strength * delta.scale))
    }

    func run(_ tile: MergeTile) -> Bool { adder.add(to: tile, scaledBy: factor) }
}

/// Any difference, added to tiles in f32.
struct PlainAdder: DeltaAdder {
    let delta: any Delta

    func add(to tile: MergeTile, scaledBy factor: Float) -> Bool {
        tile.inParts { part, scratch in
            ConversionPass.run(part.writing(to: scratch))
            delta.add(part.firstRow..<part.firstRow + part.rows, scaledBy: factor, to: scratch)
            return ConversionPass.run(part.reading(from: scratch))
        }
    }
}
