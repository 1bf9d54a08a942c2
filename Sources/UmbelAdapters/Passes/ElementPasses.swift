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

/// Each row times a factor that depends on its norm √Σx², summed in f64.
struct RowNormPass: RowPass {
    /// The factor of a row of that norm.
    let factor: @Sendable (_ row: Int, _ norm: Double) -> Float

    func run(_ tile: MergeTile) -> Bool {
        if let numbers = tile.numbers { return scale(tile, numbers) }
        return tile.inParts { part, scratch in
            ConversionPass.run(part.writing(to: scratch))
            return scale(part.reading(from: scratch), scratch)
        }
    }

    /// - Parameter numbers: those that the tile reads.
    private func scale(_ tile: MergeTile, _ numbers: UnsafePointer<Float>) -> Bool {
        let factors = (0..<tile.rows).map { row in
            let squares = umbel_sum_of_squares(numbers + row * tile.columns, tile.columns)
            return factor(tile.firstRow + row, squares.squareRoot())
        }
        return runKernel(tile) { umbel_merge_scaled_rows($0, factors) }
    }
}
