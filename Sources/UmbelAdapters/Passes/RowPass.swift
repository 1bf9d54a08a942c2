package import UmbelTensor

/// One change of a weight, ready to run over its rows in any order and on any threads: factors are packed, norms taken,
/// the strength worked in.
package protocol RowPass: Sendable {
    /// Tiles begin and end at multiples of this many rows.
    var rowGroup: Int { get }
    /// Rows that the kernel computes together: tiles of a multiple of them take the least time.
    var kernelRows: Int { get }
    /// Rows that share the kernel's registers: fewer take as long.
    var registerRows: Int { get }
    /// Reads the tile's numbers, changes them and writes them.
    ///
    /// - Returns: whether every result is below the tile's limit.
    func run(_ tile: MergeTile) -> Bool
}

extension RowPass {
    package var rowGroup: Int { 1 }
    package var kernelRows: Int { TileSize.productRows }
    package var registerRows: Int { 1 }
}

/// A change that goes over a weight row by row, perhaps after it has looked at the whole of it.
package protocol StreamedTransform: Sendable {
    /// What to run, one after the other, on a weight.
    ///
    /// - Parameters:
    ///   - weight: as it is before.
    ///   - strength: finite and not 0.
    /// - Throws: for what does not exist of this weight; the tensor is not named.
    func passes(over weight: WeightRows, strength: Double, pool: ComputePool) throws(MergeError) -> [any RowPass]
}

/// One change of a weight that mixes rows and leaves columns apart, ready to run on panels of at most 64 columns.
package protocol ColumnPass: Sendable {
    /// Reads the columns of all rows, changes them and writes them.
    ///
    /// - Returns: whether every result is below the tile's limit.
    func run(_ tile: MergeTile) -> Bool
}

/// A change that goes over a weight panel by panel.
package protocol ColumnTransform: Sendable {
    /// - Parameter strength: finite and not 0.
    func pass(strength: Double, pool: ComputePool) -> any ColumnPass
}

/// A transform that works in place on f32 tiles.
struct InPlacePass: RowPass {
    let transform: any RowTransform
    let strength: Double

    var rowGroup: Int { transform.rowGroup }

    func run(_ tile: MergeTile) -> Bool {
        tile.inParts(group: rowGroup) { part, scratch in
            ConversionPass.run(part.writing(to: scratch))
            transform.apply(to: part.rowTile(scratch), strength: strength)
            return ConversionPass.run(part.reading(from: scratch))
        }
    }
}

extension RowTransform {
    package func passes(over weight: WeightRows, strength: Double, pool: ComputePool) -> [any RowPass] {
        [InPlacePass(transform: self, strength: strength)]
    }
}
