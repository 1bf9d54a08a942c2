package import UmbelNames
package import UmbelTensor

/// The difference ΔW of an additive algorithm, as a matrix of which any rows can be had: ΔW = scale · values.
package protocol Delta: Sendable {
    var rows: Int { get }
    var columns: Int { get }
    /// α/r and the like; kept apart from the values so that it is rounded once, together with the strength.
    var scale: Double { get }
    /// An upper bound of |values|; infinite where none is cheap.
    var bound: Double { get }
    /// Multiply-adds that one of the values costs; 0 where writing it out beforehand cannot pay.
    var work: Double { get }
    /// Writes the unscaled values of `rows`, row-major, to `out`.
    func write(_ rows: Range<Int>, to out: UnsafeMutablePointer<Float>)
    /// y += factor · values of `rows`, fused: the bits are those of `write` followed by the sum.
    func add(_ rows: Range<Int>, scaledBy factor: Float, to y: UnsafeMutablePointer<Float>)
    /// The difference packed for one merge.
    func adder(pool: ComputePool) -> any DeltaAdder
}

/// W' = W + m·ΔW
package struct Addition: RowTransform {
    package let delta: any Delta

    package init(_ delta: any Delta) {
        self.delta = delta
    }

    package func apply(to tile: RowTile, strength: Double) {
        precondition(delta.columns == tile.columns)
        delta.add(
            tile.firstRow..<tile.firstRow + tile.rows, scaledBy: Float(strength * delta.scale), to: tile.start)
    }

    package func passes(over weight: WeightRows, strength: Double, pool: ComputePool) -> [any RowPass] {
        [AdditionPass(delta, over: weight, strength: strength, pool: pool)]
    }

    /// A patch that adds `delta`, which has the view's size.
    package static func patch(_ view: TargetView, _ delta: any Delta) -> Patch {
        Patch(view, .rows(Addition(delta)), bound: ChangeBound(absolute: abs(delta.scale) * delta.bound))
    }
}

extension Delta {
    package var bound: Double { .infinity }
    package var work: Double { 0 }

    package func adder(pool: ComputePool) -> any DeltaAdder { PlainAdder(delta: self) }

    package func add(_ rows: Range<Int>, scaledBy factor: Float, to y: UnsafeMutablePointer<Float>) {
        let difference = Matrix(rows: rows.count, columns: columns)
        write(rows, to: difference.start)
        Product.add(difference.start, scaledBy: factor, to: y, count: difference.count)
    }

    /// The whole of the unscaled values, on all threads of the pool.
    package func values(pool: ComputePool) -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        pool.forEachRange(rows, grain: TileSize.rows(columns: columns, group: 1)) { range in
            write(range, to: matrix.row(range.lowerBound))
        }
        return matrix
    }

    /// The whole of scale · values, for algorithms that need it at once.
    package func matrix() -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        write(0..<rows, to: matrix.start)
        matrix.scale(by: Float(scale))
        return matrix
    }
}
