/// One rule of a family: a module of the original naming, and the canonical module or modules that it is made of.
struct Link: Sendable {
    /// How the canonical tensor differs from the original one, beside its name (names.md 5).
    enum Change: Sendable {
        case none
        case halvesSwapped
        case transposed
    }

    let original: PathPattern
    /// More than one: their rows, one above the other, are the original tensor.
    let canonical: [PathPattern]
    let change: Change
    let split: RowSplit

    static func renamed(_ original: String, _ canonical: String) -> Link {
        Link(original: PathPattern(original), canonical: [PathPattern(canonical)], change: .none, split: .equal)
    }

    static func halvesSwapped(_ original: String, _ canonical: String) -> Link {
        Link(
            original: PathPattern(original), canonical: [PathPattern(canonical)], change: .halvesSwapped, split: .equal)
    }

    static func transposed(_ original: String, _ canonical: String) -> Link {
        Link(original: PathPattern(original), canonical: [PathPattern(canonical)], change: .transposed, split: .equal)
    }

    static func fused(_ original: String, _ canonical: [String], split: RowSplit = .equal) -> Link {
        Link(original: PathPattern(original), canonical: canonical.map { PathPattern($0) }, change: .none, split: split)
    }

    /// A table of renamed modules that lie under one path each: `("double_blocks.{i}.", "transformer_blocks.{i}.")`.
    static func renamed(under original: String, _ canonical: String, _ pairs: [(String, String)]) -> [Link] {
        pairs.map { renamed(original + $0.0, canonical + $0.1) }
    }
}

/// Where the parts of a fused tensor end. Always read off the base, never a number of a known model (names.md 5).
enum RowSplit: Sendable {
    case equal
    /// All parts but the last have as many rows as this module's weight; the last takes the rest (Flux `linear1`).
    case rest(asWideAs: PathPattern)
    /// The first part has as many rows as the tensor has columns, the others share the rest (Lumina 2).
    case firstAsWideAsInput

    /// The rows of each part, or nil where the shape does not allow it.
    func ranges(parts: Int, weight: RowStack, width: (PathPattern) -> Int?) -> [Range<Int>]? {
        let rows = weight.rowCount
        var counts: [Int]
        switch self {
        case .equal:
            counts = Array(repeating: rows / parts, count: parts)
        case .rest(let module):
            guard let width = width(module) else { return nil }
            counts = Array(repeating: width, count: parts - 1)
            counts.append(rows - width * (parts - 1))
        case .firstAsWideAsInput:
            guard let first = weight.tail.first, parts > 1 else { return nil }
            counts = [first] + Array(repeating: (rows - first) / (parts - 1), count: parts - 1)
        }
        return Self.ranges(counts: counts, rows: rows)
    }

    /// Neighbouring ranges of these lengths, if they are possible and use up all rows.
    static func ranges(counts: [Int], rows: Int) -> [Range<Int>]? {
        guard counts.allSatisfy({ $0 > 0 }), counts.reduce(0, +) == rows else { return nil }
        var start = 0
        return counts.map { count in
            defer { start += count }
            return start..<(start + count)
        }
    }
}
