import Testing
import UmbelAdapters
import UmbelTensor
import UmbelTesting

/// The sums of squares that DoRA's norms of columns are taken from.
@Suite("Column norms")
struct ColumnNormTests {
    /// Columns of numbers whose squares f32 holds, of too large and of too small ones, and one of zeros.
    private static let magnitudes: [Double] = [1, 0x1p70, 0x1p-70, 0, 0x1p-130, 0x1p120, 3]

    private static func weight(rows: Int) -> (matrix: Matrix, expected: [Double]) {
        var random = SeededGenerator(seed: 21)
        let matrix = Matrix(rows: rows, columns: magnitudes.count)
        var expected = magnitudes.map { _ in 0.0 }
        for row in 0..<rows {
            for (column, magnitude) in magnitudes.enumerated() {
                let value = Float(Double.random(in: 0.5...1, using: &random) * magnitude)
                matrix.row(row)[column] = value
                expected[column] += Double(value) * Double(value)
            }
        }
        return (matrix, expected)
    }

    @Test("Sums are right whatever f32 can hold of the squares", arguments: [1, 63, 64, 65, 300])
    func sums(rows: Int) {
        let (matrix, expected) = Self.weight(rows: rows)
        let squares = ColumnNorms.squares(of: WeightRows(matrix), pool: ComputePool(threads: 2))
        for (sum, exact) in zip(squares, expected) { #expect(abs(sum - exact) <= exact * 0x1p-18) }
    }

    @Test("Sums are the same on one thread and on more")
    func threads() {
        let rows = WeightRows(Self.weight(rows: 300).matrix)
        let one = ColumnNorms.squares(of: rows, pool: ComputePool(threads: 1))
        #expect(ColumnNorms.squares(of: rows, pool: ComputePool(threads: 3)) == one)
    }
}
