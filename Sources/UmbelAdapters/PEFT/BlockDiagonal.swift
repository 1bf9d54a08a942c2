internal import CUmbelKernels
internal import UmbelTensor

/// A block-diagonal matrix R of q × q blocks, applied to the columns or the rows of a weight. A single stored block stands
/// at every position.
struct BlockDiagonal: Sendable {
    let size: Int
    /// Rᵀ of each block.
    private let transposed: [Matrix]

    init(_ blocks: [SmallMatrix]) {
        precondition(!blocks.isEmpty)
        size = blocks[0].size
        transposed = blocks.map {
            Matrix(rows: $0.size, columns: $0.size, values: $0.transposed.values.map { Float($0) })
        }
    }

    var storedBlocks: Int { transposed.count }

    private func block(_ position: Int) -> Matrix { transposed[transposed.count == 1 ? 0 : position] }

    /// tile ← tile · Rᵀ. The tile's columns are a multiple of q.
    func rotateColumns(of tile: RowTile) {
        precondition(tile.columns % size == 0)
        let source = tile.copy()
        for position in 0..<tile.columns / size {
            let offset = position * size
            umbel_multiply(
                tile.start + offset, tile.columns, source.start + offset, tile.columns, block(position).start, size,
                tile.rows, size, size)
        }
    }

    /// tile ← (Rᵀ · W) of the tile's rows, which begin at a multiple of q. The last block may be cut.
    func rotateRows(of tile: RowTile) {
        precondition(tile.firstRow % size == 0)
        let source = tile.copy()
        for first in stride(from: 0, to: tile.rows, by: size) {
            let rows = min(size, tile.rows - first)
            umbel_multiply(
                tile.row(first), tile.columns, block((tile.firstRow + first) / size).start, size, source.row(first),
                tile.columns, rows, rows, tile.columns)
        }
    }
}

extension ModuleFactors {
    /// The last two axes of a factor as square blocks.
    func blocks(_ role: Role) throws(ModuleError) -> [SmallMatrix] {
        let view = try require(role)
        guard view.shape.count >= 3, let size = view.shape.last, view.shape[view.shape.count - 2] == size else {
            throw mismatch(role, expected: "[…, q, q]")
        }
        let values = view.values().map { Double($0) }
        return stride(from: 0, to: values.count, by: size * size).map {
            SmallMatrix(size: size, values: Array(values[$0..<$0 + size * size]))
        }
    }

    /// (I − Q)·(I + Q)⁻¹ with the antisymmetric part Q of each block.
    func cayley(_ blocks: [SmallMatrix], _ role: Role) throws(ModuleError) -> [SmallMatrix] {
        var rotations: [SmallMatrix] = []
        for block in blocks {
            guard let rotation = (-0.5 * (block - block.transposed)).cayley else {
                throw .singular(module: stem, key: key(role))
            }
            rotations.append(rotation)
        }
        return rotations
    }
}

extension SmallMatrix {
    /// √Σx²
    var norm: Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    /// Scaled down to a norm of at most `limit`.
    func limited(to limit: Double) -> SmallMatrix {
        let norm = norm
        return norm > limit ? (limit / norm) * self : self
    }
}
