internal import CUmbelKernels
internal import UmbelTensor

/// W + factor · (up · down)
struct ProductAdder: DeltaAdder {
    let up: Matrix
    let down: Panels

    func add(to tile: MergeTile, scaledBy factor: Float) -> Bool {
        var product = down.product(of: tile, in: up)
        return runKernel(tile) { umbel_merge_product($0, &product, factor) }
    }
}

/// W + factor · (up₁ · down₁) ⊙ (up₂ · down₂)
struct HadamardAdder: DeltaAdder {
    let first: ProductAdder
    let second: ProductAdder

    func add(to tile: MergeTile, scaledBy factor: Float) -> Bool {
        var products = (first.down.product(of: tile, in: first.up), second.down.product(of: tile, in: second.up))
        return runKernel(tile) { umbel_merge_product_of_products($0, &products.0, &products.1, factor) }
    }
}

/// W + factor · outer ⊗ inner
struct KroneckerAdder: DeltaAdder {
    private let outer: Matrix
    private let inner: Matrix
    /// Each row of `inner` again and again, so that a register can begin anywhere in the first copy.
    private let repeated: Matrix

    init(outer: Matrix, inner: Matrix) {
        self.outer = outer
        self.inner = inner
        let width = inner.columns + Panels.width
        repeated = Matrix(rows: inner.rows, columns: width)
        for row in 0..<inner.rows {
            let place = repeated.row(row)
            for begin in stride(from: 0, to: width, by: max(1, inner.columns)) {
                (place + begin).update(from: inner.row(row), count: min(inner.columns, width - begin))
            }
        }
    }

    func add(to tile: MergeTile, scaledBy factor: Float) -> Bool {
        precondition(tile.columns == outer.columns * inner.columns)
        precondition(tile.firstRow + tile.rows <= outer.rows * inner.rows)
        var product = umbel_kronecker(
            outer: outer.start, outer_columns: outer.columns, inner: repeated.start, inner_rows: inner.rows,
            inner_columns: inner.columns, inner_stride: repeated.columns, first_row: tile.firstRow)
        let outerRow = Matrix(rows: 1, columns: tile.columns)
        return withExtendedLifetime(outerRow) {
            runKernel(tile) { umbel_merge_kronecker($0, &product, factor, outerRow.start) }
        }
    }
}

/// W + factor · numbers in memory, in any format.
struct StoredAdder: DeltaAdder {
    let values: TensorView
    let columns: Int

    func add(to tile: MergeTile, scaledBy factor: Float) -> Bool {
        guard let format = values.dtype.floatFormat else { preconditionFailure("a difference of \(values.dtype)") }
        let place = tile.firstRow * columns
        precondition(tile.columns == columns && place + tile.rows * columns <= values.elementCount)
        guard let start = values.bytes.baseAddress else { return ConversionPass.run(tile) }
        return runKernel(tile) { umbel_merge_stored($0, start + place * format.byteCount, columns, format, factor) }
    }
}

/// W + factor · a matrix in f32.
struct DenseAdder: DeltaAdder {
    let values: Matrix

    func add(to tile: MergeTile, scaledBy factor: Float) -> Bool {
        precondition(tile.columns == values.columns && tile.firstRow + tile.rows <= values.rows)
        return runKernel(tile) {
            umbel_merge_stored($0, values.row(tile.firstRow), values.columns, UMBEL_F32, factor)
        }
    }
}
