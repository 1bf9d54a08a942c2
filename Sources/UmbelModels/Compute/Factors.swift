internal import CUmbelCompute
package import UmbelTensor

/// The left side of products: rows of numbers in the units that products of a type read. Made once for all layers that see
/// the same rows.
package struct Factors: Sendable {
    /// (rows, units)
    package let units: Matrix
    /// Numbers of a row.
    package let columns: Int
    let type: ComputeType

    var rows: Int { units.rows }

    package init(_ x: Matrix, type: ComputeType, pool: ComputePool) {
        self.init(units: type == .f32 ? x : x.pairedColumns(pool: pool), columns: x.columns, type: type)
    }

    /// Of what `write` makes of some rows at a time, (rows, columns): it is still in the cache when it is packed.
    init(
        rows: Int, columns: Int, type: ComputeType, pool: ComputePool,
        _ write: @Sendable (Range<Int>, UnsafeMutablePointer<Float>) -> Void
    ) {
        let units = Matrix(rows: rows, columns: type.units(columns), pool: pool)
        pool.forEachRange(rows, grain: 32) { range in
            guard type != .f32 else {
                write(range, units.row(range.lowerBound))
                return
            }
            let numbers = Matrix(rows: range.count, columns: columns)
            write(range, numbers.start)
            units.pack(numbers, rows: range)
        }
        self.init(units: units, columns: columns, type: type)
    }

    init(units: Matrix, columns: Int, type: ComputeType) {
        (self.units, self.columns, self.type) = (units, columns, type)
    }
}

extension Matrix {
    /// So many columns or more that a row is an odd number of cache lines: the same columns of many rows would push each other
    /// out of the caches else.
    static func staggered(_ columns: Int) -> Int { (columns + 31) / 32 * 32 + 16 }

    /// All rows as pairs of bf16, one unit for two neighbouring columns, made by all threads.
    func pairedColumns(pool: ComputePool) -> Matrix {
        let units = Matrix(rows: rows, columns: ComputeType.bf16.units(columns), pool: pool)
        pool.forEachRange(rows, grain: 64) { range in
            units.pack(self, from: range.lowerBound, rows: range)
        }
        return units
    }

    /// Some rows of units from as many rows of numbers.
    ///
    /// - Parameters:
    ///   - source: the row of `numbers` to begin with.
    ///   - column: where the numbers come to lie, even.
    func pack(_ numbers: Matrix, from source: Int = 0, at column: Int = 0, rows: Range<Int>) {
        let width = numbers.columns
        precondition(column % 2 == 0 && (column + width + 1) / 2 <= columns && source + rows.count <= numbers.rows)
        // Whole rows behind each other are one: short ones do not fill registers.
        let isOne = width == 2 * columns
        let place = row(rows.lowerBound) + column / 2
        place.withMemoryRebound(to: UInt32.self, capacity: (rows.count - 1) * columns + (width + 1) / 2) { place in
            umbel_pack_columns(
                place, columns, numbers.row(source), width, isOne ? 1 : rows.count, isOne ? rows.count * width : width)
        }
    }
}
