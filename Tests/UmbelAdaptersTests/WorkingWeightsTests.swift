import Testing
import UmbelNames
import UmbelTensor
import UmbelTesting

@testable import UmbelAdapters

/// Views that adapters have of base tensors: fused, cut, turned, exchanged; against a map of indices written plainly.
@Suite("Views of base tensors")
struct WorkingWeightsTests {
    struct Layout: Sendable, CustomTestStringConvertible {
        var shape: [Int]
        var leadingAxes = 1
        var slab: Range<Int>?
        var transposed = false
        var halvesSwapped = false
        var rows: Range<Int>?

        var testDescription: String {
            "\(shape) leading \(leadingAxes) slab \(slab.map { "\($0)" } ?? "-") \(transposed ? "transposed " : "")"
                + "\(halvesSwapped ? "swapped " : "")rows \(rows.map { "\($0)" } ?? "-")"
        }

        func piece(_ tensor: Int) -> Piece {
            var piece = Piece(tensor: tensor)
            piece.leadingAxes = leadingAxes
            piece.slab = slab
            piece.transposed = transposed
            piece.halvesSwapped = halvesSwapped
            piece.rows = rows
            return piece
        }

        /// Index in the stored tensor of every element of the view, by doing the four steps one after the other.
        var indices: [[Int]] {
            let storedRows = shape.prefix(leadingAxes).reduce(1, *)
            let columns = shape.dropFirst(leadingAxes).reduce(1, *)
            var grid = (0..<storedRows).map { row in (0..<columns).map { row * columns + $0 } }
            if let slab { grid = Array(grid[slab]) }
            if transposed { grid = (0..<(grid.first?.count ?? 0)).map { column in grid.map { $0[column] } } }
            if halvesSwapped { grid = Array(grid[(grid.count / 2)...] + grid[..<(grid.count / 2)]) }
            if let rows { grid = Array(grid[rows]) }
            return grid
        }
    }

    static let layouts: [Layout] = {
        var layouts: [Layout] = []
        for (shape, leading) in [
            ([6, 4], 1), ([4, 6], 1), ([6, 2, 2], 1), ([3, 4, 2], 2), ([2, 3, 4], 2), ([8, 1], 1),
        ] {
            let storedRows = shape.prefix(leading).reduce(1, *)
            for slab in [nil, 0..<storedRows, 1..<storedRows - 1, 2..<4] as [Range<Int>?] {
                for transposed in [false, true] {
                    for halvesSwapped in [false, true] {
                        for rows in [nil, 0..<1, 1..<2] as [Range<Int>?] {
                            let layout = Layout(
                                shape: shape, leadingAxes: leading, slab: slab, transposed: transposed,
                                halvesSwapped: halvesSwapped, rows: rows)
                            let count = transposed ? shape.dropFirst(leading).reduce(1, *) : (slab?.count ?? storedRows)
                            if halvesSwapped, count % 2 != 0 { continue }
                            if let rows, rows.upperBound > count { continue }
                            layouts.append(layout)
                        }
                    }
                }
            }
        }
        return layouts
    }()

    private func stored(_ shape: [Int], from first: Int = 0) -> TensorView {
        TestTensor("t", shape, (0..<shape.elementCount).map { Float(first + $0) }).view
    }

    @Test("A view reads and writes the elements that its steps lead to", arguments: layouts)
    func viewReadsAndWritesItsElements(_ layout: Layout) throws {
        let indices = layout.indices
        let columns = indices.first?.count ?? 0
        let view = TargetView(pieces: [layout.piece(0)], shape: [indices.count, columns])
        var weights = WorkingWeights()
        weights.load(0, stored(layout.shape))
        #expect(weights.gathered(view).values == indices.joined().map(Float.init))
        try weights.update(view) { (matrix) throws(MergeError) in
            for index in 0..<matrix.count { matrix.start[index] = -1 - matrix.start[index] }
        }
        let covered = Set(indices.joined())
        let after = try #require(weights.matrices[0]).values
        #expect(after == (0..<after.count).map { covered.contains($0) ? -1 - Float($0) : Float($0) })
    }

    @Test("Pieces of several tensors are stacked in their order and go back to where they came from")
    func piecesAreStacked() throws {
        var generator = SeededGenerator(seed: 4)
        let wide = Self.layouts.filter { $0.indices.first?.count == 4 }
        #expect(wide.count > 10)
        for _ in 0..<200 {
            let chosen = (0..<Int.random(in: 2...4, using: &generator)).compactMap { _ in
                wide.randomElement(using: &generator)
            }
            var weights = WorkingWeights()
            for (tensor, layout) in chosen.enumerated() {
                weights.load(tensor, stored(layout.shape, from: tensor * 100))
            }
            let expected = chosen.enumerated().flatMap { tensor, layout in
                layout.indices.joined().map { Float($0 + tensor * 100) }
            }
            let view = TargetView(
                pieces: chosen.enumerated().map { $1.piece($0) }, shape: [expected.count / 4, 4])
            #expect(weights.gathered(view).values == expected)
            try weights.update(view) { (matrix) throws(MergeError) in matrix.scale(by: -2) }
            #expect(weights.gathered(view).values == expected.map { -2 * $0 })
        }
    }

    @Test("Only a view of rows as they lie is the whole tensor")
    func wholeTensorIsRecognised() {
        for layout in Self.layouts {
            let isWhole =
                layout.leadingAxes == 1 && layout.slab == nil && !layout.transposed && !layout.halvesSwapped
                && layout.rows == nil
            #expect((TargetView(pieces: [layout.piece(3)], shape: []).wholeTensor == 3) == isWhole)
        }
        #expect(TargetView(pieces: [Piece(tensor: 0), Piece(tensor: 1)], shape: []).wholeTensor == nil)
    }
}
