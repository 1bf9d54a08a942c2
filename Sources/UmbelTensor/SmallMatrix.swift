/// A square f64 matrix for the blocks of rotations: small, so plain loops, but in full precision because it is inverted.
package struct SmallMatrix: Sendable {
    package let size: Int
    package var values: [Double]

    package init(size: Int, values: [Double]) {
        precondition(values.count == size * size)
        self.size = size
        self.values = values
    }

    package init(identity size: Int) {
        self.init(size: size, values: [Double](repeating: 0, count: size * size))
        for index in 0..<size { self[index, index] = 1 }
    }

    package subscript(row: Int, column: Int) -> Double {
        get { values[row * size + column] }
        set { values[row * size + column] = newValue }
    }

    package static func + (left: SmallMatrix, right: SmallMatrix) -> SmallMatrix {
        SmallMatrix(size: left.size, values: zip(left.values, right.values).map { $0 + $1 })
    }

    package static func - (left: SmallMatrix, right: SmallMatrix) -> SmallMatrix {
        SmallMatrix(size: left.size, values: zip(left.values, right.values).map { $0 - $1 })
    }

    package static func * (factor: Double, matrix: SmallMatrix) -> SmallMatrix {
        SmallMatrix(size: matrix.size, values: matrix.values.map { factor * $0 })
    }

    package static func * (left: SmallMatrix, right: SmallMatrix) -> SmallMatrix {
        let size = left.size
        var product = SmallMatrix(size: size, values: [Double](repeating: 0, count: size * size))
        for row in 0..<size {
            for inner in 0..<size {
                let factor = left.values[row * size + inner]
                for column in 0..<size {
                    product.values[row * size + column] += factor * right.values[inner * size + column]
                }
            }
        }
        return product
    }

    package var transposed: SmallMatrix {
        var result = self
        for row in 0..<size {
            for column in 0..<size { result[column, row] = self[row, column] }
        }
        return result
    }

    /// (I + Q)·(I − Q)⁻¹, the Cayley transform; nil only if Q has an eigenvalue 1, which no antisymmetric Q has.
    package var cayley: SmallMatrix? {
        var result = SquareBlocks(size: size, values: values)
        return result.transformByCayley() ? SmallMatrix(size: size, values: result.values) : nil
    }
}
