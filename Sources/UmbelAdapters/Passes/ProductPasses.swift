internal import CUmbelKernels
internal import UmbelTensor

/// W + factor · product, each row with its norm replaced.
struct NormalisedProductPass: RowPass {
    let product: ProductAdder
    let factor: Float
    let magnitudes: Magnitudes

    func run(_ tile: MergeTile) -> Bool {
        var product = product.down.product(of: tile, in: product.up)
        let scratch = Matrix(rows: 1, columns: umbel_normalised_scratch(tile.columns))
        return withExtendedLifetime(scratch) {
            magnitudes.with(tile) { magnitudes in
                runKernel(tile) { umbel_merge_product_normalised($0, &product, factor, magnitudes, scratch.start) }
            }
        }
    }
}

/// (W + factor · product), each column times a factor of its own.
struct ScaledProductPass: RowPass {
    let product: ProductAdder
    let factor: Float
    let columns: ColumnFactorPass

    func run(_ tile: MergeTile) -> Bool {
        precondition(tile.columns == columns.factors.count)
        var product = product.down.product(of: tile, in: product.up)
        return runKernel(tile) { umbel_merge_product_scaled_columns($0, &product, factor, columns.factors) }
    }
}

/// W + factor · (sum + (W·a)·b), where a acts on the input axis of each kernel position.
struct ProjectedPass: RowPass {
    /// Added to the projection.
    private let sum: ProductAdder?
    /// a (inputs, rank).
    private let up: Matrix
    /// b (rank, inputs), each column as often as there are kernel positions.
    private let down: Panels
    private let kernel: Int
    private let factor: Float

    /// - Precondition: `up` has as many columns as `down` has rows, and as many rows as `down` has columns.
    init(_ sum: ProductAdder?, up: Matrix, down: Matrix, kernel: Int, factor: Float, pool: ComputePool) {
        precondition(up.columns == down.rows && up.rows == down.columns)
        self.sum = sum
        self.up = up
        self.down = Panels(down.repeatingColumns(kernel), pool: pool)
        self.kernel = kernel
        self.factor = factor
    }

    var kernelRows: Int { umbel_projected_rows(kernel) }
    var registerRows: Int { Int(UMBEL_PROJECTED_LANES) }

    func run(_ tile: MergeTile) -> Bool {
        precondition(tile.columns == up.rows * kernel)
        var first = sum.map { $0.down.product(of: tile, in: $0.up) } ?? down.emptyProduct
        var second = down.projection(up: up, kernel: kernel)
        let scratch = Matrix(rows: 1, columns: umbel_generalised_scratch(&second, tile.columns))
        return withExtendedLifetime(scratch) {
            runKernel(tile) { umbel_merge_generalised($0, &first, &second, factor, scratch.start) }
        }
    }
}

extension Matrix {
    /// Each column `count` times.
    fileprivate func repeatingColumns(_ count: Int) -> Matrix {
        if count == 1 { return self }
        let result = Matrix(rows: rows, columns: columns * count)
        for index in 0..<self.count { (result.start + index * count).update(repeating: start[index], count: count) }
        return result
    }
}
