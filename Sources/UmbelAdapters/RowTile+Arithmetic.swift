internal import CUmbelKernels
package import UmbelTensor

extension RowTile {
    /// tile += factor · other, fused.
    ///
    /// - Precondition: `other` holds as many numbers as the tile.
    package func add(_ other: Matrix, scaledBy factor: Float) {
        precondition(other.count == count)
        umbel_add_scaled(start, other.start, factor, count)
    }

    package func scaleRow(_ index: Int, by factor: Float) {
        umbel_scale(row(index), factor, columns)
    }

    package func copy() -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        matrix.start.update(from: start, count: count)
        return matrix
    }
}

/// Products on tiles, where the left side is a part of a matrix.
package enum Product {
    /// out = left[rows] · right; `out` holds rows × right.columns numbers.
    ///
    /// - Precondition: `left.columns == right.rows` and `rows` are rows of `left`.
    package static func write(
        rows: Range<Int>, of left: Matrix, times right: Matrix, to out: UnsafeMutablePointer<Float>
    ) {
        precondition(left.columns == right.rows && rows.lowerBound >= 0 && rows.upperBound <= left.rows)
        umbel_multiply(
            out, right.columns, left.row(rows.lowerBound), left.columns, right.start, right.columns, rows.count,
            left.columns, right.columns)
    }

    /// y += factor · left[rows] · right; `y` holds rows × right.columns numbers.
    ///
    /// - Precondition: `left.columns == right.rows` and `rows` are rows of `left`.
    package static func add(
        rows: Range<Int>, of left: Matrix, times right: Matrix, scaledBy factor: Float,
        to y: UnsafeMutablePointer<Float>
    ) {
        precondition(left.columns == right.rows && rows.lowerBound >= 0 && rows.upperBound <= left.rows)
        umbel_multiply_add(
            y, right.columns, left.row(rows.lowerBound), left.columns, right.start, right.columns, rows.count,
            left.columns, right.columns, factor)
    }

    /// out = left · right, where `right` is the `left.columns` × `columns` numbers at a pointer.
    package static func write(
        _ left: Matrix, times right: UnsafePointer<Float>, columns: Int, to out: UnsafeMutablePointer<Float>
    ) {
        umbel_multiply(out, columns, left.start, left.columns, right, columns, left.rows, left.columns, columns)
    }

    /// y += factor · coefficient · x over `count` numbers, fused with the rounded coefficient · x.
    package static func add(
        _ x: UnsafePointer<Float>, times coefficient: Float, scaledBy factor: Float, to y: UnsafeMutablePointer<Float>,
        count: Int
    ) {
        umbel_add_multiple(y, x, coefficient, factor, count)
    }

    /// y += factor · x over `count` numbers, fused.
    package static func add(
        _ x: UnsafePointer<Float>, scaledBy factor: Float, to y: UnsafeMutablePointer<Float>, count: Int
    ) {
        umbel_add_scaled(y, x, factor, count)
    }

    /// y = start + factor · (y − start) over `count` numbers.
    package static func interpolate(
        _ y: UnsafeMutablePointer<Float>, from start: UnsafePointer<Float>, factor: Float, count: Int
    ) {
        umbel_interpolate(y, start, factor, count)
    }

    /// out (columns, rows) = `in` (rows, columns) with its axes exchanged; one of them is short.
    package static func transpose(
        _ input: UnsafePointer<Float>, rows: Int, columns: Int, to out: UnsafeMutablePointer<Float>
    ) {
        umbel_transpose(out, input, rows, columns)
    }

    /// y ⊙= x over `count` numbers.
    package static func multiply(_ y: UnsafeMutablePointer<Float>, by x: UnsafePointer<Float>, count: Int) {
        umbel_multiply_elements(y, x, count)
    }
}
