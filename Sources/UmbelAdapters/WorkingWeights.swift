package import UmbelNames
internal import UmbelTensor

/// Base tensors in f32 while adapters are applied to them, and the views that adapters see of them.
struct WorkingWeights {
    /// By tensor; rows are the first axis.
    private(set) var matrices: [Int: Matrix] = [:]
    private(set) var shapes: [Int: [Int]] = [:]

    /// - Parameter pool: the threads to widen on; nil for the caller's alone.
    mutating func load(_ tensor: Int, _ view: TensorView, pool: ComputePool? = nil) {
        if let pool {
            let rows = view.shape.first ?? 1
            let matrix = Matrix(rows: rows, columns: rows == 0 ? 0 : view.elementCount / rows)
            pool.forEachRange(matrix.count, grain: 1 << 16) { view.widen($0, into: matrix.start + $0.lowerBound) }
            matrices[tensor] = matrix
        } else {
            matrices[tensor] = view.matrix()
        }
        shapes[tensor] = view.shape
    }

    mutating func replace(_ tensor: Int, _ matrix: Matrix, shape: [Int]) {
        matrices[tensor] = matrix
        shapes[tensor] = shape
    }

    /// Runs `change` on the weight as the adapter sees it, and puts the result back into the base's tensors.
    mutating func update(_ view: TargetView, _ change: (Matrix) throws(MergeError) -> Void) throws(MergeError) {
        if let whole = view.wholeTensor, let matrix = matrices[whole] {
            // Rows and columns are the tensor's own: changed in place.
            return try change(matrix)
        }
        let gathered = Matrix(rows: view.rows, columns: view.columns)
        var row = 0
        for piece in view.pieces { row += copy(piece, gathered, at: row, outward: true) }
        try change(gathered)
        row = 0
        for piece in view.pieces { row += copy(piece, gathered, at: row, outward: false) }
    }

    /// The weight as the adapter sees it, copied.
    func gathered(_ view: TargetView) -> Matrix {
        let gathered = Matrix(rows: view.rows, columns: view.columns)
        var row = 0
        for piece in view.pieces { row += copy(piece, gathered, at: row, outward: true) }
        return gathered
    }

    /// Copies a piece between its tensor and rows of `gathered`.
    ///
    /// - Parameter outward: from the tensor to `gathered`; else back.
    /// - Returns: how many rows the piece has.
    private func copy(_ piece: Piece, _ gathered: Matrix, at firstRow: Int, outward: Bool) -> Int {
        guard let matrix = matrices[piece.tensor], let shape = shapes[piece.tensor] else { return 0 }
        let stored = PieceGeometry(piece, shape: shape)
        precondition(stored.columns == gathered.columns)
        for index in 0..<stored.rows {
            let source = stored.orientedRow(index)
            let there = gathered.row(firstRow + index)
            if piece.transposed {
                let start = matrix.start + stored.slabStart * stored.storedColumns + source
                for column in 0..<stored.columns {
                    if outward {
                        there[column] = start[column * stored.storedColumns]
                    } else {
                        start[column * stored.storedColumns] = there[column]
                    }
                }
            } else {
                let here = matrix.start + (stored.slabStart + source) * stored.storedColumns
                if outward {
                    there.update(from: here, count: stored.columns)
                } else {
                    here.update(from: there, count: stored.columns)
                }
            }
        }
        return stored.rows
    }
}

/// Where the rows of a piece lie in its tensor.
private struct PieceGeometry {
    let slabStart: Int
    let storedColumns: Int
    let columns: Int
    let rows: Int
    private let firstRow: Int
    private let orientedRows: Int
    private let halvesSwapped: Bool

    init(_ piece: Piece, shape: [Int]) {
        let storedRows = shape.prefix(piece.leadingAxes).reduce(1, *)
        storedColumns = shape.dropFirst(piece.leadingAxes).reduce(1, *)
        let slab = piece.slab ?? 0..<storedRows
        slabStart = slab.lowerBound
        orientedRows = piece.transposed ? storedColumns : slab.count
        columns = piece.transposed ? slab.count : storedColumns
        let range = piece.rows ?? 0..<orientedRows
        firstRow = range.lowerBound
        rows = range.count
        halvesSwapped = piece.halvesSwapped
    }

    func orientedRow(_ index: Int) -> Int {
        let row = firstRow + index
        return halvesSwapped ? (row + orientedRows / 2) % orientedRows : row
    }
}

extension TargetView {
    /// The tensor that this view is exactly, rows as they lie; nil if anything is cut, turned or put together.
    package var wholeTensor: Int? {
        guard pieces.count == 1, let piece = pieces.first, piece.leadingAxes == 1, piece.slab == nil, !piece.transposed,
            !piece.halvesSwapped, piece.rows == nil
        else { return nil }
        return piece.tensor
    }

    /// All tensors that the view has a part of.
    package var tensors: Set<Int> { Set(pieces.map(\.tensor)) }
}
