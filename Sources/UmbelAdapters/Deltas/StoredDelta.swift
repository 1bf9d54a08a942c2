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

    package func write(_ rows: Range<Int>, to out: UnsafeMutablePointer<Float>) {
        values.widen(rows.lowerBound * columns..<rows.upperBound * columns, into: out)
    }
}
