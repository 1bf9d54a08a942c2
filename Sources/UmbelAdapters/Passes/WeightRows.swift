internal import CUmbelKernels
package import UmbelTensor

/// The rows of a weight as they are after some changes, computed whenever they are asked for: no copy of the whole exists.
package struct WeightRows: Sendable {
    private let view: TensorView
    package let rows: Int
    package let columns: Int
    private var passes: [any RowPass] = []

    /// A tensor as it is stored: its first axis as rows, the rest as columns. Floating-point types only.
    package init(_ view: TensorView) {
        self.view = view
        rows = view.shape.first ?? 1
        columns = rows == 0 ? 0 : view.elementCount / rows
    }

    /// A matrix, as it is when rows are computed.
    package init(_ matrix: Matrix) {
        let bytes = UnsafeRawBufferPointer(start: matrix.start, count: matrix.count * MemoryLayout<Float>.stride)
        self.init(TensorView(dtype: .f32, shape: [matrix.rows, matrix.columns], bytes: bytes, owner: matrix))
    }

    /// The same rows with further changes.
    package func with(_ further: [any RowPass]) -> WeightRows {
        var result = self
        result.passes += further
        return result
    }

    /// No changes are made when rows are computed.
    var isUnchanged: Bool { passes.isEmpty }

    /// Rows of a weight without changes, to be read where they lie.
    func reading(_ range: Range<Int>) -> MergeTile {
        precondition(isUnchanged && range.lowerBound >= 0 && range.upperBound <= rows)
        return tile(range, Destination(start: nil, format: UMBEL_F32, limit: .infinity, pastCaches: false))
    }

    /// Ranges of rows begin and end at multiples of this.
    package var rowGroup: Int { passes.reduce(1) { leastCommonMultiple($0, $1.rowGroup) } }

    /// Rows that are best computed together. Several passes go through scratch of few rows, which fill a register at least.
    var kernelRows: Int {
        if passes.count == 1 { return passes[0].kernelRows }
        return registerRows > 1 ? registerRows : TileSize.productRows
    }

    /// Rows that fill a register of every pass's kernel.
    private var registerRows: Int { passes.reduce(1) { max($0, $1.registerRows) } }

    /// Where results go to.
    package struct Destination: @unchecked Sendable {
        // Sendable: whoever makes it has the memory for as long as it is used.
        /// Nil where nothing is written.
        let start: UnsafeMutableRawPointer?
        let format: umbel_float_format
        /// Results of this magnitude or more do not fit.
        let limit: Float
        /// Nobody reads the result soon.
        let pastCaches: Bool
    }

    /// Computes some rows into their places in a destination that holds all rows.
    ///
    /// - Precondition: the range begins and ends at multiples of `rowGroup`, or at the last row.
    /// - Returns: false if one of the numbers does not fit; the rows are of no use then.
    package func compute(_ range: Range<Int>, into destination: Destination) -> Bool {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows)
        guard !range.isEmpty, columns > 0 else { return true }
        return run(tile(range, destination))
    }

    /// All rows of some columns of a weight without changes, on their way into a destination.
    func panel(_ columns: Range<Int>, into destination: Destination) -> MergeTile {
        tile(0..<rows, destination).columns(columns)
    }

    private func tile(_ range: Range<Int>, _ destination: Destination) -> MergeTile {
        guard let format = view.dtype.floatFormat, let start = view.bytes.baseAddress else {
            preconditionFailure("weights are floating-point numbers")
        }
        let place = range.lowerBound * columns
        let kernel = umbel_tile(
            in: start + place * format.byteCount,
            out: destination.start.map { $0 + place * destination.format.byteCount },
            in_format: format, out_format: destination.format, rows: range.count, columns: columns, in_stride: columns,
            out_stride: columns, limit: destination.limit, past_caches: destination.pastCaches ? 1 : 0)
        return MergeTile(firstRow: range.lowerBound, kernel)
    }

    /// Some rows in f32.
    package func widen(_ range: Range<Int>, into scratch: UnsafeMutablePointer<Float>) {
        // The destination is one of all rows, of which only these exist.
        let start = UnsafeMutableRawPointer(scratch) - range.lowerBound * columns * MemoryLayout<Float>.stride
        _ = compute(range, into: Destination(start: start, format: UMBEL_F32, limit: .infinity, pastCaches: false))
    }

    private func run(_ tile: MergeTile) -> Bool {
        guard let last = passes.last else { return ConversionPass.run(tile) }
        if passes.count == 1 { return last.run(tile) }
        return tile.inParts(group: rowGroup, registerRows: registerRows) { part, scratch in
            _ = passes[0].run(part.writing(to: scratch))
            let inPlace = part.reading(from: scratch).writing(to: scratch)
            for pass in passes[1..<(passes.count - 1)] { _ = pass.run(inPlace) }
            return last.run(part.reading(from: scratch))
        }
    }
}

func leastCommonMultiple(_ a: Int, _ b: Int) -> Int {
    var (x, y) = (a, b)
    while y != 0 { (x, y) = (y, x % y) }
    return x == 0 ? 1 : a / x * b
}
