package import UmbelTensor

/// values = up · down: `up` (out, r), `down` (r, in·K).
package struct LowRankDelta: Delta {
    package let up: Matrix
    package let down: Matrix
    package let scale: Double

    /// - Precondition: `up.columns == down.rows`.
    package init(up: Matrix, down: Matrix, scale: Double) {
        precondition(up.columns == down.rows)
        self.up = up
        self.down = down
        self.scale = scale
    }

    package var rows: Int { up.rows }
    package var columns: Int { down.columns }
    package var bound: Double { Double(up.columns) * Double(up.largestMagnitude) * Double(down.largestMagnitude) }
    package var work: Double { Double(down.rows) }

    package func adder(pool: ComputePool) -> any DeltaAdder { product(pool: pool) }

    func product(pool: ComputePool) -> ProductAdder { ProductAdder(up: up, down: Panels(down, pool: pool)) }

    package func write(_ rows: Range<Int>, to out: UnsafeMutablePointer<Float>) {
        Product.write(rows: rows, of: up, times: down, to: out)
    }

    package func add(_ rows: Range<Int>, scaledBy factor: Float, to y: UnsafeMutablePointer<Float>) {
        Product.add(rows: rows, of: up, times: down, scaledBy: factor, to: y)
    }
}
