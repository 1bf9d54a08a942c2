import Synchronization
import Testing
import UmbelTensor
import UmbelTesting

@Suite struct SingularValuesTests {
    /// Matrices whose decompositions are known to be hard, each with ranks to cut it to.
    enum Kind: String, CaseIterable, Sendable {
        case random, wide, tall, lowRank, belowRank, zero, ones, identity, clusters, gradedColumns, gradedRows, huge,
            tiny
        case hilbert, wilkinson, oneRow, oneColumn

        var matrix: Matrix {
            switch self {
            case .random: Self.random(37, 37)
            case .wide: Self.random(20, 61)
            case .tall: Self.random(61, 20)
            case .lowRank, .belowRank: Self.random(40, 5).multiplied(by: Self.random(5, 30))
            case .zero: Matrix(rows: 12, columns: 9, repeating: 0)
            case .ones: Matrix(rows: 9, columns: 12, repeating: 1)
            case .identity: Self.filled(20, 20) { $0 == $1 ? 1 : 0 }
            case .clusters: Self.filled(32, 32) { $0 + $1 == 31 ? Float(1 + $0 / 8) : 0 }
            case .gradedColumns: Self.random(40, 30) { Float.exponent2(-$1) }
            case .gradedRows: Self.random(30, 40) { row, _ in Float.exponent2(2 * row - 30) }
            case .huge: Self.random(24, 20) { _, _ in 0x1p120 }
            case .tiny: Self.random(24, 20) { _, _ in 0x1p-126 }
            case .hilbert: Self.filled(24, 24) { 1 / Float($0 + $1 + 1) }
            case .wilkinson: Self.filled(21, 21) { $0 == $1 ? Float(abs($0 - 10)) : abs($0 - $1) == 1 ? 1 : 0 }
            case .oneRow: Self.random(1, 9)
            case .oneColumn: Self.random(9, 1)
            }
        }

        var ranks: [Int] {
            switch self {
            case .clusters: [8, 16, 24]
            case .lowRank: [1, 4, 5]
            case .belowRank: [8, 20]
            case .wilkinson: [2, 4, 6]
            case .identity: [1, 7]
            case .oneRow, .oneColumn: [0, 1, 3]
            default: [1, 2, 8]
            }
        }

        /// Is there but one best approximation? Not if equal singular values are on both sides of the cut.
        var isUnique: Bool { self != .identity && self != .belowRank }

        private static func filled(_ rows: Int, _ columns: Int, _ value: (Int, Int) -> Float) -> Matrix {
            let matrix = Matrix(rows: rows, columns: columns)
            for row in 0..<rows { for column in 0..<columns { matrix[row, column] = value(row, column) } }
            return matrix
        }

        private static func random(
            _ rows: Int, _ columns: Int, _ scale: (Int, Int) -> Float = { _, _ in 1 }
        ) -> Matrix {
            var generator = SeededGenerator(seed: UInt64(rows * 100 + columns))
            return filled(rows, columns) { Float.random(in: -1...1, using: &generator) * scale($0, $1) }
        }
    }

    private func distance(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    }

    private func product(_ part: SingularValues.Approximation) -> [Double] {
        let (left, right) = (part.left, part.right)
        return (0..<left.rows * right.columns).map { place in
            (0..<left.columns).reduce(0) {
                $0 + Double(left[place / right.columns, $1]) * Double(right[$1, place % right.columns])
            }
        }
    }

    @Test("A matrix is cut to the best of its rank", arguments: Kind.allCases)
    func best(_ kind: Kind) throws {
        let matrix = kind.matrix
        let numbers = matrix.values.map { Double($0) }
        let reference = JacobiReference(matrix)
        let largest = reference.values[0]
        for rank in kind.ranks {
            let part = try SingularValues.truncated(matrix, rank: rank, pool: ComputePool(threads: 1))
            let found = product(part)
            // The factors are f32: what they round off grows with the rank.
            let rounding = 1e-7 * largest * Double(rank).squareRoot()
            let remainder = distance(found, numbers)
            #expect(abs(remainder - reference.remainder(rank: rank)) <= rounding, "\(rank)")
            if kind.isUnique {
                #expect(distance(found, reference.approximation(rank: rank)) <= 2 * rounding, "\(rank)")
            }
            let whole = reference.values.reduce(0) { $0 + $1 * $1 }
            let lost = whole > 0 ? reference.values.dropFirst(rank).reduce(0) { $0 + $1 * $1 } / whole : 0
            #expect(abs(part.energy.lost - lost) < 1e-12, "\(rank)")
            #expect(abs(part.energy.whole - whole) <= 1e-12 * whole, "\(rank)")
        }
    }

    @Test("Singular values that the square of a matrix hides are found all the same")
    func smallValues() throws {
        // Each column is 2⁻⁵ of the one before; the tenth is 2⁻⁴⁵ of the first, far below √ε of it.
        var random = SeededGenerator(seed: 11)
        let matrix = Matrix(rows: 50, columns: 12)
        for row in 0..<50 {
            for column in 0..<12 {
                matrix[row, column] =
                    Float.random(in: 0.5...1, using: &random) * (row == column ? 3 : 1)
                    * Float.exponent2(-5 * column)
            }
        }
        let reference = JacobiReference(matrix)
        for rank in 1...7 {
            let part = try SingularValues.truncated(matrix, rank: rank, pool: ComputePool(threads: 1))
            for index in 0..<rank {
                let length = (0..<12).reduce(0.0) { $0 + Double(part.right[index, $1]) * Double(part.right[index, $1]) }
                #expect(abs(length.squareRoot() / reference.values[index] - 1) < 1e-6, "\(rank), \(index)")
            }
        }
    }

    @Test(
        "A product of factors is cut like the matrix it makes",
        arguments: [(30, 4, 40), (40, 12, 30), (20, 26, 24), (70, 40, 90)])
    func products(rows: Int, inner: Int, columns: Int) throws {
        var random = SeededGenerator(seed: UInt64(rows))
        let up = Matrix(rows: rows, columns: inner, values: random.values(rows * inner, scale: 0x1p40))
        let down = Matrix(rows: inner, columns: columns, values: random.values(inner * columns, scale: 0x1p-50))
        let matrix = up.multiplied(by: down)
        let largest = Double(matrix.largestMagnitude)
        for rank in [1, 3, 4, 11, 40] {
            let whole = try SingularValues.truncated(matrix, rank: rank, pool: ComputePool(threads: 1))
            let part = try SingularValues.truncatedProduct(up, down, rank: rank, pool: ComputePool(threads: 1))
            #expect(zip(product(part), product(whole)).allSatisfy { abs($0 - $1) < 1e-5 * largest }, "\(rank)")
            #expect(abs(part.energy.lost - whole.energy.lost) < 1e-6, "\(rank)")
            #expect(abs(part.energy.whole / whole.energy.whole - 1) < 1e-5, "\(rank)")
        }
    }

    /// A matrix that is read in groups of three rows, and notes how many were read.
    private final class Groups: ReadableRows {
        let matrix: Matrix
        let read = Mutex((most: 0, all: 0))

        init(_ matrix: Matrix) { self.matrix = matrix }

        var rows: Int { matrix.rows }
        var columns: Int { matrix.columns }
        var rowGroup: Int { 3 }

        func widen(_ range: Range<Int>, into scratch: UnsafeMutablePointer<Float>) {
            #expect(range.lowerBound % 3 == 0 && (range.upperBound % 3 == 0 || range.upperBound == rows))
            read.withLock { $0 = (max($0.most, range.count), $0.all + range.count) }
            matrix.widen(range, into: scratch)
        }
    }

    @Test("Rows that are computed as they are read are read once, some at a time", arguments: [1, 3])
    func readableRows(threads: Int) throws {
        var random = SeededGenerator(seed: 6)
        let matrix = Matrix(rows: 601, columns: 700, values: random.values(601 * 700, scale: 0x1p-100))
        let groups = Groups(matrix)
        let pool = ComputePool(threads: threads)
        let found = try SingularValues.truncated(groups, rank: 6, pool: pool)
        let expected = try SingularValues.truncated(matrix, rank: 6, pool: pool)
        #expect(found.left.hasSameBits(as: expected.left) && found.right.hasSameBits(as: expected.right))
        #expect(found.energy == expected.energy)
        #expect(groups.read.withLock { $0.all } == 601)
        #expect(groups.read.withLock { $0.most } < 100)
        let uncut = try SingularValues.truncated(groups, rank: 601, pool: pool)
        #expect(uncut.right.hasSameBits(as: matrix))
    }

    private func bits(of matrix: Matrix, _ random: SeededGenerator, threads: Int) throws -> [UInt32] {
        var random = random
        let (rows, columns) = (matrix.rows, matrix.columns)
        let up = Matrix(rows: rows, columns: 36, values: random.values(rows * 36))
        let down = Matrix(rows: 36, columns: columns, values: random.values(36 * columns))
        let pool = ComputePool(threads: threads)
        return try [
            SingularValues.truncated(matrix, rank: 20, pool: pool),
            SingularValues.truncatedProduct(up, down, rank: 10, pool: pool),
        ].flatMap { ($0.left.values + $0.right.values).map(\.bitPattern) }
    }

    @Test("The number of threads changes no bit", arguments: [(40, 30), (600, 700), (90, 40)])
    func threads(rows: Int, columns: Int) throws {
        var random = SeededGenerator(seed: UInt64(rows))
        let matrix = Matrix(rows: rows, columns: columns, values: random.values(rows * columns))
        let alone = try bits(of: matrix, random, threads: 1)
        for threads in [2, 5] {
            let found = try bits(of: matrix, random, threads: threads)
            #expect(found == alone, "\(threads)")
        }
    }

    @Test("The set of kernels changes no bit", arguments: [(40, 30), (70, 140)])
    func kernelSets(rows: Int, columns: Int) throws {
        var random = SeededGenerator(seed: UInt64(rows))
        let matrix = Matrix(rows: rows, columns: columns, values: random.values(rows * columns))
        let chosen = try bits(of: matrix, random, threads: 1)
        try KernelSets.each { set in
            let found = try bits(of: matrix, random, threads: 2)
            #expect(found == chosen, "\(set)")
        }
    }

    @Test("What is no number is refused", arguments: [Float.nan, .infinity])
    func notFinite(value: Float) {
        let matrix = Matrix(rows: 4, columns: 3, repeating: 1)
        matrix[2, 1] = value
        let pool = ComputePool(threads: 1)
        #expect(throws: DecompositionError.notFinite(rows: 4, columns: 3)) {
            try SingularValues.truncated(matrix, rank: 2, pool: pool)
        }
        #expect(throws: DecompositionError.notFinite(rows: 4, columns: 3)) {
            try SingularValues.truncatedProduct(matrix, Matrix(rows: 3, columns: 5, repeating: 1), rank: 2, pool: pool)
        }
    }

    @Test("A rank that is no cut leaves the numbers as they are, in memory of their own")
    func noCut() throws {
        let matrix = Matrix(rows: 2, columns: 3, values: [1, 2, 3, 4, 5, 6])
        for side in [matrix, matrix.transposed()] {
            let part = try SingularValues.truncated(side, rank: 2, pool: ComputePool(threads: 1))
            #expect(part.left.multiplied(by: part.right).values == side.values)
            #expect(part.left !== side && part.right !== side)
            #expect(part.energy.lost == 0 && part.energy.whole == 91)
        }
    }
}

extension Float {
    /// 2ⁿ.
    fileprivate static func exponent2(_ power: Int) -> Float { Float(sign: .plus, exponent: power, significand: 1) }
}
