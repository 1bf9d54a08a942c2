package import CUmbelKernels
internal import UmbelTensor

/// Consecutive rows of a weight on their way from one place to another: read in one format, changed, and written in
/// another or the same.
package struct MergeTile: @unchecked Sendable {
    // Sendable: tiles given out at the same time never overlap.
    /// Index of the first row within the weight.
    package let firstRow: Int
    /// What kernels take.
    package private(set) var kernel: umbel_tile

    package init(firstRow: Int, _ kernel: umbel_tile) {
        self.firstRow = firstRow
        self.kernel = kernel
    }

    package var rows: Int { kernel.rows }
    package var columns: Int { kernel.columns }

    /// A whole matrix, changed in place.
    init(in matrix: Matrix) {
        firstRow = 0
        kernel = umbel_tile(
            in: matrix.start, out: matrix.start, in_format: UMBEL_F32, out_format: UMBEL_F32, rows: matrix.rows,
            columns: matrix.columns, in_stride: matrix.columns, out_stride: matrix.columns, limit: .infinity,
            past_caches: 0)
    }

    /// Rows in f32, changed in place.
    init(in tile: RowTile) {
        firstRow = tile.firstRow
        kernel = umbel_tile(
            in: tile.start, out: tile.start, in_format: UMBEL_F32, out_format: UMBEL_F32, rows: tile.rows,
            columns: tile.columns, in_stride: tile.columns, out_stride: tile.columns, limit: .infinity, past_caches: 0)
    }

    /// Some of the columns of all rows.
    ///
    /// - Precondition: they are columns of the tile.
    func columns(_ range: Range<Int>) -> MergeTile {
        precondition(range.lowerBound >= 0 && range.upperBound <= columns)
        var part = kernel
        part.in += range.lowerBound * kernel.in_format.byteCount
        part.out += range.lowerBound * kernel.out_format.byteCount
        part.columns = range.count
        return MergeTile(firstRow: firstRow, part)
    }

    /// Some of the rows, counted from the tile's first.
    ///
    /// - Precondition: they are rows of the tile.
    func part(_ range: Range<Int>) -> MergeTile {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows)
        var part = kernel
        part.in += range.lowerBound * kernel.in_stride * kernel.in_format.byteCount
        part.out += range.lowerBound * kernel.out_stride * kernel.out_format.byteCount
        part.rows = range.count
        return MergeTile(firstRow: firstRow + range.lowerBound, part)
    }

    /// The tile with its results in f32 in memory of the caller's, one row behind the other, to be read at once.
    ///
    /// - Parameter stride: from row to row; without gaps if it is nil.
    func writing(to scratch: UnsafeMutablePointer<Float>, stride: Int? = nil) -> MergeTile {
        var tile = kernel
        tile.out = UnsafeMutableRawPointer(scratch)
        (tile.out_format, tile.out_stride) = (UMBEL_F32, stride ?? columns)
        (tile.limit, tile.past_caches) = (.infinity, 0)
        return MergeTile(firstRow: firstRow, tile)
    }

    /// The tile with its numbers taken from f32 in memory of the caller's, one row behind the other.
    ///
    /// - Parameter stride: from row to row; without gaps if it is nil.
    func reading(from scratch: UnsafePointer<Float>, stride: Int? = nil) -> MergeTile {
        var tile = kernel
        tile.in = UnsafeRawPointer(scratch)
        (tile.in_format, tile.in_stride) = (UMBEL_F32, stride ?? columns)
        return MergeTile(firstRow: firstRow, tile)
    }

    /// Calls `body` for consecutive parts small enough for their f32 numbers to stay in the second-level cache, each a
    /// multiple of `group` rows.
    ///
    /// - Parameter registerRows: what fills a register, for which parts may be larger.
    /// - Returns: whether `body` said so for every part.
    func inParts(
        group: Int = 1, registerRows: Int = 1, _ body: (MergeTile, _ scratch: UnsafeMutablePointer<Float>) -> Bool
    ) -> Bool {
        let least = TileSize.rows(columns: columns, group: group)
        let filled = (least + registerRows - 1) / registerRows * registerRows
        let height = min(rows, filled % group == 0 ? filled : least)
        let scratch = Matrix(rows: height, columns: columns)
        return withExtendedLifetime(scratch) {
            var isBelow = true
            for begin in stride(from: 0, to: rows, by: max(1, height)) {
                let part = part(begin..<min(begin + height, rows))
                isBelow = body(part, scratch.start) && isBelow
            }
            return isBelow
        }
    }

    /// The tile's numbers where they lie, if they are f32 without gaps and aligned.
    var numbers: UnsafePointer<Float>? {
        guard kernel.in_format == UMBEL_F32, kernel.in_stride == columns, let start = kernel.in,
            Int(bitPattern: start) % MemoryLayout<Float>.alignment == 0
        else { return nil }
        return start.assumingMemoryBound(to: Float.self)
    }

    /// The rows as transforms that work in place see them, in memory that `writing(to:)` filled.
    func rowTile(_ scratch: UnsafeMutablePointer<Float>) -> RowTile {
        RowTile(firstRow: firstRow, rows: rows, columns: columns, start: scratch)
    }
}

extension umbel_float_format {
    /// Size of one number.
    var byteCount: Int {
        switch self {
        case UMBEL_F64: 8
        case UMBEL_F32: 4
        case UMBEL_F16, UMBEL_BF16: 2
        default: 1
        }
    }
}

/// Calls a kernel on a tile and says whether all results are below its limit.
func runKernel(_ tile: MergeTile, _ kernel: (UnsafePointer<umbel_tile>) -> Int32) -> Bool {
    withUnsafePointer(to: tile.kernel) { kernel($0) == 1 }
}
