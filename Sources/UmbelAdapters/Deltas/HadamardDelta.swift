package import UmbelTensor

/// values = (up₁ · down₁) ⊙ (up₂ · down₂)
package struct HadamardDelta: Delta {
    package let first: LowRankDelta
    package let second: LowRankDelta
    package let scale: Double

    package init(first: LowRankDelta, second: LowRankDelta, scale: Double) {
        precondition(first.rows == second.rows && first.columns == second.columns)
        self.first = first
        self.second = second
        self.scale = scale
    }

    package var rows: Int { first.rows }
    package var columns: Int { first.columns }
    package var bound: Double { first.bound * second.bound }
    package var work: Double { first.work + second.work + 1 }

    package func adder(pool: ComputePool) -> any DeltaAdder {
        HadamardAdder(first: first.product(pool: pool), second: second.product(pool: pool))
    }

    package func write(_ rows: Range<Int>, to out: UnsafeMutablePointer<Float>) {
        first.write(rows, to: out)
        let other = Matrix(rows: rows.count, columns: columns)
        second.write(rows, to: other.start)
        Product.multiply(out, by: other.start, count: other.count)
    }
}
