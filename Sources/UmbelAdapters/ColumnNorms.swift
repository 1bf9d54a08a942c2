internal import CUmbelKernels
package import UmbelTensor

/// Sums of squares down the columns of a weight, in f64.
package enum ColumnNorms {
    /// Rows are added in blocks of so many, and then the blocks, both in order: however many threads share them out, the
    /// sums are the same.
    static let blockRows = 64

    /// One sum a column.
    package static func squares(of weight: WeightRows, pool: ComputePool) -> [Double] {
        let columns = weight.columns
        let height = leastCommonMultiple(blockRows, weight.rowGroup)
        let blocks = Sums(rows: (weight.rows + blockRows - 1) / blockRows, columns: columns)
        pool.forEachRange(weight.rows, grain: height) { rows in
            let scratchRows = min(height, TileSize.rows(columns: columns, group: weight.rowGroup))
            let scratch = Matrix(rows: scratchRows, columns: columns)
            for begin in stride(from: rows.lowerBound, to: rows.upperBound, by: scratchRows) {
                let part = begin..<min(begin + scratchRows, rows.upperBound)
                weight.widen(part, into: scratch.start)
                add(part, at: scratch.start, to: blocks)
            }
        }
        return blocks.total
    }

    /// One sum a column of weight + factor · product.
    static func squares(
        of weight: WeightRows, plus product: ProductAdder, scaledBy factor: Float, pool: ComputePool
    ) -> [Double] {
        guard weight.isUnchanged else {
            return squares(of: weight.with([AdditionPass(adder: product, factor: factor)]), pool: pool)
        }
        let blocks = Sums(rows: (weight.rows + blockRows - 1) / blockRows, columns: weight.columns)
        pool.forEachRange(blocks.rows, grain: 1) { range in
            for block in range {
                let tile = weight.reading(block * blockRows..<min(weight.rows, (block + 1) * blockRows))
                var factors = product.down.product(of: tile, in: product.up)
                withUnsafePointer(to: tile.kernel) {
                    umbel_add_product_squares(blocks.row(block), $0, &factors, factor)
                }
            }
        }
        return blocks.total
    }

    /// Adds rows to the sums of the blocks that they are in.
    private static func add(_ rows: Range<Int>, at start: UnsafePointer<Float>, to blocks: Sums) {
        var row = rows.lowerBound
        while row < rows.upperBound {
            let block = row / blockRows
            let end = min(rows.upperBound, (block + 1) * blockRows)
            let place = start + (row - rows.lowerBound) * blocks.columns
            umbel_add_squares(blocks.row(block), place, blocks.columns, end - row, blocks.columns)
            row = end
        }
    }
}

/// Sums of each block of rows, one row of f64 numbers a block. Threads add to different blocks.
private final class Sums: @unchecked Sendable {
    // Sendable: no two threads have a block in common.
    let rows: Int
    let columns: Int
    private let memory: UnsafeMutableBufferPointer<Double>

    init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        memory = .allocate(capacity: max(1, rows * columns))
        memory.initialize(repeating: 0)
    }

    deinit { memory.deallocate() }

    func row(_ index: Int) -> UnsafeMutablePointer<Double>? {
        precondition(index >= 0 && index < rows)
        return memory.baseAddress.map { $0 + index * columns }
    }

    /// The blocks added up in order.
    var total: [Double] {
        var total = [Double](repeating: 0, count: columns)
        for row in 0..<rows {
            for column in 0..<columns { total[column] += memory[row * columns + column] }
        }
        return total
    }
}
