package import UmbelTensor

/// values = Σ wᵢ·sᵢ·valuesᵢ over differences of one size, each of which stays as it is.
package struct SumDelta: Delta {
    package let parts: [(delta: any Delta, weight: Double)]
    package let scale: Double
    package let rows: Int
    package let columns: Int

    /// - Precondition: at least one part; all of one size.
    package init(_ parts: [(delta: any Delta, weight: Double)]) {
        self.parts = parts
        rows = parts[0].delta.rows
        columns = parts[0].delta.columns
        // A single part's factor is rounded once, together with the strength, as it would be in a chain.
        scale = parts.count == 1 ? parts[0].weight * parts[0].delta.scale : 1
    }

    package var bound: Double {
        parts.count == 1
            ? parts[0].delta.bound
            : parts.reduce(0) { $0 + abs($1.weight * $1.delta.scale) * $1.delta.bound }
    }

    package func adder(pool: ComputePool) -> any DeltaAdder {
        parts.count == 1 ? parts[0].delta.adder(pool: pool) : PlainAdder(delta: self)
    }

    package func write(_ rows: Range<Int>, to out: UnsafeMutablePointer<Float>) {
        if parts.count == 1 { return parts[0].delta.write(rows, to: out) }
        out.update(repeating: 0, count: rows.count * columns)
        for (delta, weight) in parts { delta.add(rows, scaledBy: Float(weight * delta.scale), to: out) }
    }

    package func add(_ rows: Range<Int>, scaledBy factor: Float, to y: UnsafeMutablePointer<Float>) {
        if parts.count == 1 { return parts[0].delta.add(rows, scaledBy: factor, to: y) }
        let sum = Matrix(rows: rows.count, columns: columns)
        write(rows, to: sum.start)
        Product.add(sum.start, scaledBy: factor, to: y, count: sum.count)
    }
}
