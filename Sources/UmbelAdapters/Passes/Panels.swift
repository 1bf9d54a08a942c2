internal import CUmbelKernels
internal import UmbelTensor

/// The right side of a product as the kernels read it: panels of 64 columns, each with its rows behind each other, filled
/// up with zeros.
struct Panels: Sendable {
    /// Columns of a panel.
    static let width = Int(UMBEL_PANEL_COLUMNS)

    private let memory: Matrix
    /// Rows of the matrix.
    let inner: Int
    let columns: Int

    init(_ matrix: Matrix, pool: ComputePool) {
        let width = Self.width
        let count = (matrix.columns + width - 1) / width
        let memory = Matrix(rows: count * matrix.rows, columns: width)
        pool.forEachRange(count, grain: max(1, 8192 / max(1, matrix.rows))) { panels in
            for panel in panels {
                let filled = min(width, matrix.columns - panel * width)
                for row in 0..<matrix.rows {
                    let place = memory.row(panel * matrix.rows + row)
                    place.update(from: matrix.row(row) + panel * width, count: filled)
                    (place + filled).update(repeating: 0, count: width - filled)
                }
            }
        }
        self.memory = memory
        inner = matrix.rows
        columns = matrix.columns
    }

    /// What kernels take of a product that has no terms.
    var emptyProduct: umbel_product {
        umbel_product(left: memory.start, left_stride: 0, panels: memory.start, inner: 0)
    }

    /// The right side of a projection, with what is left of it.
    ///
    /// - Precondition: `up` has `inner` columns.
    func projection(up: Matrix, kernel: Int) -> umbel_projection {
        precondition(up.columns == inner)
        return umbel_projection(
            right: up.start, right_stride: up.columns, panels: memory.start, inner: inner, kernel: kernel)
    }

    /// Some rows of a matrix · panels.
    ///
    /// - Precondition: the matrix has `inner` columns and the rows exist.
    func product(of tile: MergeTile, in left: Matrix) -> umbel_product {
        precondition(left.columns == inner && tile.columns == columns && tile.firstRow + tile.rows <= left.rows)
        return umbel_product(
            left: left.row(tile.firstRow), left_stride: left.columns, panels: memory.start, inner: inner)
    }
}
