package import UmbelTensor

/// How one adapter module changes one weight, at any strength. The weight is a matrix: its first axis as rows, the rest
/// flattened as columns.
package enum WeightTransform: Sendable {
    /// Acts on groups of rows independently, so a weight can be merged tile by tile in cache.
    case rows(any RowTransform)
    /// Needs more than a group of rows: the whole weight, or, where it can be streamed, what it reads of it before.
    case matrix(any MatrixTransform)
}

/// Consecutive rows of a weight.
package struct RowTile: @unchecked Sendable {
    // Sendable: tiles given out at the same time never overlap.
    /// Index of the first row within the weight.
    package let firstRow: Int
    package let rows: Int
    package let columns: Int
    package let start: UnsafeMutablePointer<Float>

    package init(firstRow: Int, rows: Int, columns: Int, start: UnsafeMutablePointer<Float>) {
        self.firstRow = firstRow
        self.rows = rows
        self.columns = columns
        self.start = start
    }

    package func row(_ index: Int) -> UnsafeMutablePointer<Float> { start + index * columns }
    package var count: Int { rows * columns }
}

/// Acts on groups of rows, each on its own.
package protocol RowTransform: StreamedTransform {
    /// Tiles begin and end at multiples of this many rows.
    var rowGroup: Int { get }
    /// Changes the rows of `tile` in place, at a strength that is finite and not 0.
    func apply(to tile: RowTile, strength: Double)
}

package protocol MatrixTransform: Sendable {
    /// Changes `matrix` in place, at a strength that is finite and not 0.
    func apply(to matrix: Matrix, strength: Double, pool: ComputePool) throws(MergeError)
}

/// A change of one view that depends on another: a bias on its weight.
package protocol DerivedTransform: Sendable {
    /// Changes `matrix` in place, at a strength that is finite and not 0. `source` is only read.
    func apply(to matrix: Matrix, from source: Matrix, strength: Double)
}

/// Why a merge that was checked before could not be completed. The base is never affected.
package enum MergeError: Error, Hashable, Sendable {
    /// NaN or infinity in the merged weight, after rounding to its type.
    case notFinite(tensor: String, row: Int)
    case decomposition(tensor: String, rows: Int, columns: Int)
    /// An adapter needs the tensor in the shape that it had before another one of the recipe changed it.
    case shapeChangedBefore(tensor: String)
}

extension RowTransform {
    package var rowGroup: Int { 1 }
}

extension WeightTransform {
    /// Applies the transform to a whole weight, on all threads of the pool.
    package func apply(to matrix: Matrix, strength: Double, pool: ComputePool) throws(MergeError) {
        switch self {
        case .matrix(let transform): try transform.apply(to: matrix, strength: strength, pool: pool)
        case .rows(let transform):
            let tileRows = TileSize.rows(columns: matrix.columns, group: transform.rowGroup)
            pool.forEachRange(matrix.rows, grain: tileRows) { rows in
                let tile = RowTile(
                    firstRow: rows.lowerBound, rows: rows.count, columns: matrix.columns,
                    start: matrix.row(rows.lowerBound))
                transform.apply(to: tile, strength: strength)
            }
        }
    }
}

/// How many rows are computed together: enough to amortise the call, few enough to stay in a second-level cache.
package enum TileSize {
    /// f32 elements of a tile; with the scratch of the same size, 256 KiB.
    package static let elements = 32_768

    /// Products are computed for so many rows at once; fewer would read the right side as often for less.
    static let productRows = 6

    package static func rows(columns: Int, group: Int) -> Int {
        let rows = max(productRows, elements / max(1, columns) / productRows * productRows)
        return max(group, rows / group * group)
    }

    /// Rows of a weight that one thread computes together: enough for factors to be read from cache again and again, few
    /// enough for every thread to have some.
    ///
    /// - Parameters:
    ///   - group: what they have to be a multiple of.
    ///   - kernelRows: what they should be a multiple of.
    static func sharedRows(rows: Int, columns: Int, group: Int, kernelRows: Int, threads: Int) -> Int {
        let perThread = rows * columns / max(1, 4 * threads)
        let wanted = max(elements, min(16 * elements, perThread)) / max(1, columns)
        let unit = leastCommonMultiple(group, kernelRows)
        return wanted < unit ? group * max(1, wanted / group) : wanted / unit * unit
    }
}

extension WeightRows {
    func sharedRows(among threads: Int) -> Int {
        TileSize.sharedRows(
            rows: rows, columns: columns, group: rowGroup, kernelRows: kernelRows, threads: threads)
    }
}
