/// A weight or bias while names are being worked out: rows of base tensors, one above the other.
///
/// The operations of names.md 5 are written here: rows, swap halves, transpose. A reshape needs nothing, because pieces
/// are read as matrices. A `Piece` applies slab → transposed → halvesSwapped → rows, so each operation is either the
/// last one or can be moved to its place.
struct RowStack: Hashable, Sendable {
    /// Rows of one base tensor, out of `total` that it has after slab and transposition.
    struct Part: Hashable, Sendable {
        var piece: Piece
        var total: Int
        var rows: Range<Int>
    }

    private(set) var parts: [Part]
    /// The axes after the first.
    private(set) var tail: [Int]

    /// A whole base tensor.
    init(tensor: Int, shape: [Int]) {
        let rows = shape.first ?? 1
        parts = [Part(piece: Piece(tensor: tensor), total: rows, rows: 0..<rows)]
        tail = Array(shape.dropFirst())
    }

    /// One slab of a tensor `[slabs, rows, columns]`, as it is stored.
    init(slab index: Int, of tensor: Int, shape: [Int]) {
        var piece = Piece(tensor: tensor)
        piece.leadingAxes = 2
        piece.slab = (index * shape[1])..<((index + 1) * shape[1])
        parts = [Part(piece: piece, total: shape[1], rows: 0..<shape[1])]
        tail = Array(shape.dropFirst(2))
    }

    /// The slabs of a whole tensor with three axes; none for more slabs than any model has experts.
    var slabs: [RowStack]? {
        guard parts.count == 1, parts[0].rows == 0..<parts[0].total, tail.count == 2, parts[0].total <= 4096
        else { return nil }
        let shape = [parts[0].total] + tail
        return (0..<parts[0].total).map { RowStack(slab: $0, of: parts[0].piece.tensor, shape: shape) }
    }

    private init(parts: [Part], tail: [Int]) {
        self.parts = parts
        self.tail = tail
    }

    var rowCount: Int { parts.reduce(0) { $0 + $1.rows.count } }

    var view: TargetView {
        let pieces = parts.map { part in
            var piece = part.piece
            piece.rows = part.rows == 0..<part.total ? nil : part.rows
            return piece
        }
        return TargetView(pieces: pieces, shape: [rowCount] + tail)
    }

    func rows(_ range: Range<Int>) -> RowStack {
        var kept: [Part] = []
        var start = 0
        for part in parts {
            let cut = range.clamped(to: start..<(start + part.rows.count))
            if !cut.isEmpty {
                var shorter = part
                let offset = part.rows.lowerBound - start
                shorter.rows = (cut.lowerBound + offset)..<(cut.upperBound + offset)
                kept.append(shorter)
            }
            start += part.rows.count
        }
        return RowStack(parts: kept, tail: tail)
    }

    /// Second half of the rows first. Doing it twice undoes it.
    func halvesSwapped() -> RowStack {
        if parts.count == 1, parts[0].rows == 0..<parts[0].total {
            var swapped = self
            swapped.parts[0].piece.halvesSwapped.toggle()
            return swapped
        }
        let half = rowCount / 2
        return RowStack(parts: rows(half..<rowCount).parts + rows(0..<half).parts, tail: tail)
    }

    /// Axes exchanged; nil for what has no single second axis, or is put together from several pieces.
    func transposed() -> RowStack? {
        guard parts.count == 1, tail.count == 1, parts[0].rows == 0..<parts[0].total, !parts[0].piece.halvesSwapped
        else { return nil }
        var part = parts[0]
        part.piece.transposed.toggle()
        let rows = part.total
        part.total = tail[0]
        part.rows = 0..<tail[0]
        return RowStack(parts: [part], tail: [rows])
    }

    /// The stacks one above the other; neighbouring rows of one tensor become one piece again. Nil if one is missing.
    static func stacked(_ stacks: [RowStack?]) -> RowStack? {
        var parts: [Part] = []
        for stack in stacks {
            guard let stack else { return nil }
            for part in stack.parts {
                if let last = parts.last, last.piece == part.piece, last.rows.upperBound == part.rows.lowerBound {
                    parts[parts.count - 1].rows = last.rows.lowerBound..<part.rows.upperBound
                } else {
                    parts.append(part)
                }
            }
        }
        guard let first = stacks.first, let tail = first?.tail else { return nil }
        return RowStack(parts: parts, tail: tail)
    }
}
