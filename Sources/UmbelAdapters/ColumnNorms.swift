internal import CUmbelKernels
package import UmbelTensor

/// Sums of squares down the columns of a weight: of blocks of rows in f32, by fused multiply-adds, and of these in f64.
///
/// A block's sum has 64 terms that are not negative, so it is off by less than 2⁻¹⁸ of it (and seldom by more than 2⁻²²);
/// the errors of a column's blocks are independent, and its norm has half of theirs. Columns of which f32 cannot hold the
/// squares are summed in f64.
package enum ColumnNorms {
    /// Rows are added in blocks of so many, and then the blocks, both in order: however many threads share them out, the
    /// sums are the same.
    static let blockRows = 64

    /// One sum a column.
    package static func squares(of weight: WeightRows, pool: ComputePool) -> [Double] {
        let blocks = Sums<Float>(of: weight)
        add(weight, to: blocks, pool: pool) { sums, start, rows in
            umbel_add_f32_squares(sums, start, weight.columns, rows, weight.columns)
        }
        return corrected(blocks.total(), of: weight, pool: pool)
    }

    /// One sum a column of weight + factor · product.
    static func squares(
        of weight: WeightRows, plus product: ProductAdder, scaledBy factor: Float, pool: ComputePool
    ) -> [Double] {
        let sum = weight.with([AdditionPass(adder: product, factor: factor)])
        guard weight.isUnchanged else { return squares(of: sum, pool: pool) }
        let blocks = Sums<Float>(of: weight)
        pool.forEachRange(blocks.rows, grain: 1) { range in
            // From the last block to the first, so that what is read next, from the first row on, is still in the caches.
            for block in range.map({ blocks.rows - 1 - $0 }) {
                let tile = weight.reading(block * blockRows..<min(weight.rows, (block + 1) * blockRows))
                var factors = product.down.product(of: tile, in: product.up)
                withUnsafePointer(to: tile.kernel) {
                    umbel_add_product_squares(blocks.row(block), $0, &factors, factor)
                }
            }
        }
        return corrected(blocks.total(), of: sum, pool: pool)
    }

    /// Sums that f32 could not hold replaced by those of f64.
    private static func corrected(_ squares: [Double], of weight: WeightRows, pool: ComputePool) -> [Double] {
        if squares.allSatisfy({ umbel_squares_hold($0) == 1 }) { return squares }
        let blocks = Sums<Double>(of: weight)
        add(weight, to: blocks, pool: pool) { sums, start, rows in
            umbel_add_squares(sums, start, weight.columns, rows, weight.columns)
        }
        return zip(squares, blocks.total()).map { umbel_squares_hold($0) == 1 ? $0 : $1 }
    }

    /// Computes all rows some at a time, and adds each to the sums of the block that it is in.
    private static func add<Sum: SquareSum>(
        _ weight: WeightRows, to blocks: Sums<Sum>, pool: ComputePool,
        _ kernel: @Sendable (UnsafeMutablePointer<Sum>?, UnsafePointer<Float>, _ rows: Int) -> Void
    ) {
        let height = leastCommonMultiple(blockRows, weight.rowGroup)
        pool.forEachRange(weight.rows, grain: height) { rows in
            let scratchRows = min(height, TileSize.rows(columns: weight.columns, group: weight.rowGroup))
            let scratch = Matrix(rows: scratchRows, columns: weight.columns)
            for begin in stride(from: rows.lowerBound, to: rows.upperBound, by: scratchRows) {
                let part = begin..<min(begin + scratchRows, rows.upperBound)
                weight.widen(part, into: scratch.start)
                var row = begin
                while row < part.upperBound {
                    let end = min(part.upperBound, (row / blockRows + 1) * blockRows)
                    kernel(blocks.row(row / blockRows), scratch.start + (row - begin) * weight.columns, end - row)
                    row = end
                }
            }
        }
    }
}

/// What a block's squares are summed in.
private protocol SquareSum: SIMDScalar, Codable, BinaryFloatingPoint, Sendable {
    static func widened(_ sums: SIMD16<Self>) -> SIMD16<Double>
}

extension Float: SquareSum {
    fileprivate static func widened(_ sums: SIMD16<Float>) -> SIMD16<Double> { SIMD16<Double>(sums) }
}

extension Double: SquareSum {
    fileprivate static func widened(_ sums: SIMD16<Double>) -> SIMD16<Double> { sums }
}

/// Sums of each block of rows, one row of numbers a block. Threads add to different blocks.
private final class Sums<Sum: SquareSum>: @unchecked Sendable {
    // Sendable: no two threads have a block in common.
    let rows: Int
    private let columns: Int
    /// Sixteen columns each.
    private let parts: Int
    private let memory: UnsafeMutableBufferPointer<SIMD16<Sum>>

    init(of weight: WeightRows) {
        rows = (weight.rows + ColumnNorms.blockRows - 1) / ColumnNorms.blockRows
        columns = weight.columns
        parts = (columns + SIMD16<Sum>.scalarCount - 1) / SIMD16<Sum>.scalarCount
        memory = .allocate(capacity: max(1, rows * parts))
        memory.initialize(repeating: .zero)
    }

    deinit { memory.deallocate() }

    func row(_ index: Int) -> UnsafeMutablePointer<Sum>? {
        precondition(index >= 0 && index < rows)
        return memory.baseAddress.map {
            UnsafeMutableRawPointer($0 + index * parts).assumingMemoryBound(to: Sum.self)
        }
    }

    /// The blocks added up in order.
    func total() -> [Double] {
        var total = [Double]()
        total.reserveCapacity(columns + SIMD16<Double>.scalarCount)
        for part in 0..<parts {
            var sum = SIMD16<Double>.zero
            for row in 0..<rows { sum += Sum.widened(memory[row * parts + part]) }
            for lane in sum.indices { total.append(sum[lane]) }
        }
        total.removeLast(total.count - columns)
        return total
    }
}
