internal import CUmbelKernels
internal import UmbelTensor

/// What replaces the norms √Σx² of rows, which are summed in f64 from short f32 sums.
struct Magnitudes: Sendable {
    /// One for each row of the weight.
    private let values: [Float]
    private let epsilon: Double
    /// Nil where the norms are replaced whatever the strength.
    private let strength: Double?

    /// Rows are multiplied by value / (norm + epsilon), or, with a strength, by
    /// 1 + strength · (value / (norm + epsilon) − 1).
    init(_ values: [Float], epsilon: Double, strength: Double?) {
        self.values = values
        self.epsilon = epsilon
        self.strength = strength
    }

    /// Calls `body` with what kernels take for the rows of a tile.
    ///
    /// - Precondition: there is a value for each of them.
    func with(_ tile: MergeTile, _ body: (UnsafePointer<umbel_magnitudes>) -> Bool) -> Bool {
        precondition(tile.firstRow + tile.rows <= values.count)
        return values.withUnsafeBufferPointer { values in
            guard let start = values.baseAddress else { return true }
            var magnitudes = umbel_magnitudes(
                values: start + tile.firstRow, epsilon: epsilon, strength: strength ?? 1,
                interpolates: strength == nil ? 0 : 1)
            return body(&magnitudes)
        }
    }
}

/// Each row with its norm replaced.
struct RowNormPass: RowPass {
    let magnitudes: Magnitudes

    func run(_ tile: MergeTile) -> Bool {
        guard tile.numbers == nil else { return normalise(tile) }
        return tile.inParts { part, scratch in
            ConversionPass.run(part.writing(to: scratch))
            return normalise(part.reading(from: scratch))
        }
    }

    private func normalise(_ tile: MergeTile) -> Bool {
        magnitudes.with(tile) { magnitudes in runKernel(tile) { umbel_merge_normalised($0, magnitudes) } }
    }
}
