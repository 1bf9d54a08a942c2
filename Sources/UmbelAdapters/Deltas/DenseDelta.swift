package import UmbelTensor

/// values = a matrix that had to be written out.
package struct DenseDelta: Delta {
    package let values: Matrix
    package let scale: Double

    package init(_ values: Matrix, scale: Double) {
        self.values = values
        self.scale = scale
    }

    package var rows: Int { values.rows }
    package var columns: Int { values.columns }
    package var bound: Double { Double(values.largestMagnitude) }

    package func adder(pool: ComputePool) -> any DeltaAdder { DenseAdder(values: values) }

    package func write(_ rows: Range<Int>, to out: UnsafeMutablePointer<Float>) {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= self.rows)
        out.update(from: values.row(rows.lowerBound), count: rows.count * columns)
    }
}
