package import UmbelTensor

/// values = a tensor of the adapter, widened as it is needed.
package struct StoredDelta: Delta {
    package let values: TensorView
    package let rows: Int
    package let columns: Int
    package let scale: Double

    /// - Precondition: rows × columns is the number of elements.
    package init(_ values: TensorView, rows: Int, scale: Double = 1) {
        self.values = values
        self.rows = rows
        columns = rows == 0 ? 0 : values.elementCount / rows
        precondition(rows * columns == values.elementCount)
        self.scale = scale
    }

    package var bound: Double {
        var largest = 0.0
        let row = Matrix(rows: 1, columns: columns)
        for index in 0..<rows {
            values.widen(index * columns..<(index + 1) * columns, into: row.start)
            largest = max(largest, Double(row.largestMagnitude))
        }
        return largest
    }

    package func adder(pool: ComputePool) -> any DeltaAdder { StoredAdder(values: values, columns: columns) }

    package func write(_ rows: Range<Int>, to out: UnsafeMutablePointer<Float>) {
        values.widen(rows.lowerBound * columns..<rows.upperBound * columns, into: out)
    }

    package func add(_ rows: Range<Int>, scaledBy factor: Float, to y: UnsafeMutablePointer<Float>) {
        let elements = rows.lowerBound * columns..<rows.upperBound * columns
        // A piece at a time, so that what is widened stays in the nearest cache.
        let piece = Matrix(rows: 1, columns: min(4096, elements.count))
        for begin in stride(from: elements.lowerBound, to: elements.upperBound, by: 4096) {
            let end = min(begin + 4096, elements.upperBound)
            values.widen(begin..<end, into: piece.start)
            Product.add(piece.start, scaledBy: factor, to: y + (begin - elements.lowerBound), count: end - begin)
        }
    }
}
