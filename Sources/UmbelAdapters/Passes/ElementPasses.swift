internal import CUmbelKernels
internal import UmbelTensor

/// Numbers from one format to another.
enum ConversionPass {
    /// - Returns: whether every number is below the tile's limit.
    @discardableResult static func run(_ tile: MergeTile) -> Bool { runKernel(tile) { umbel_convert($0) } }
}

/// Each row times a factor of its own.
struct RowFactorPass: RowPass {
    /// One for each row of the weight.
    let factors: [Float]

    func run(_ tile: MergeTile) -> Bool {
        precondition(tile.firstRow + tile.rows <= factors.count)
        return factors.withUnsafeBufferPointer { factors in
            guard let start = factors.baseAddress else { return true }
            return runKernel(tile) { umbel_merge_scaled_rows($0, start + tile.firstRow) }
        }
    }
}

/// Each column times a factor of its own.
struct ColumnFactorPass: RowPass {
    /// One for each column of the weight.
    let factors: [Float]

    /// - Parameters:
    ///   - factors: one for each input, which is `kernel` columns.
    init(_ factors: [Float], kernel: Int) {
        self.factors = kernel == 1 ? factors : factors.flatMap { [Float](repeating: $0, count: kernel) }
    }

    func run(_ tile: MergeTile) -> Bool {
        precondition(tile.columns == factors.count)
        return runKernel(tile) { umbel_merge_scaled_columns($0, factors) }
    }
}
