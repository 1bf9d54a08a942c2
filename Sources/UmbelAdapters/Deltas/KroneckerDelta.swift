package import UmbelTensor

/// values = W₁ ⊗ W₂: element (o, c·K+k) is W₁[o div b, c div d] · W₂[o mod b, (c mod d)·K+k], with W₁ (a, c) the outer
/// index and W₂ (b, d·K) the inner one.
package struct KroneckerDelta: Delta {
    package let outer: Matrix
    package let inner: Matrix
    package let scale: Double

    package init(outer: Matrix, inner: Matrix, scale: Double) {
        self.outer = outer
        self.inner = inner
        self.scale = scale
    }

    package var rows: Int { outer.rows * inner.rows }
    package var columns: Int { outer.columns * inner.columns }
    package var bound: Double { Double(outer.largestMagnitude) * Double(inner.largestMagnitude) }
    package var work: Double { 1 }

    package func adder(pool: ComputePool) -> any DeltaAdder { KroneckerAdder(outer: outer, inner: inner) }

    package func write(_ rows: Range<Int>, to out: UnsafeMutablePointer<Float>) {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= self.rows)
        var destination = out
        for row in rows {
            let coefficients = outer.row(row / inner.rows)
            let values = inner.row(row % inner.rows)
            for block in 0..<outer.columns {
                let coefficient = coefficients[block]
                for column in 0..<inner.columns { destination[column] = coefficient * values[column] }
                destination += inner.columns
            }
        }
    }

    package func add(_ rows: Range<Int>, scaledBy factor: Float, to y: UnsafeMutablePointer<Float>) {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= self.rows)
        var destination = y
        for row in rows {
            let coefficients = outer.row(row / inner.rows)
            let values = inner.row(row % inner.rows)
            for block in 0..<outer.columns {
                Product.add(
                    values, times: coefficients[block], scaledBy: factor, to: destination, count: inner.columns)
                destination += inner.columns
            }
        }
    }
}
