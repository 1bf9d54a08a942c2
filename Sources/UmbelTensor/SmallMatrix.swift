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

    /// Solves `self · X = right` by elimination with row exchange; nil if the matrix is singular.
    package func solving(_ right: SmallMatrix) -> SmallMatrix? {
        var left = self
        var result = right
        for pivot in 0..<size {
            let best = (pivot..<size).max { abs(left[$0, pivot]) < abs(left[$1, pivot]) } ?? pivot
            guard left[best, pivot] != 0 else { return nil }
            if best != pivot {
                for column in 0..<size {
                    left.values.swapAt(best * size + column, pivot * size + column)
                    result.values.swapAt(best * size + column, pivot * size + column)
                }
            }
            for row in 0..<size where row != pivot {
                let factor = left[row, pivot] / left[pivot, pivot]
                if factor == 0 { continue }
                for column in pivot..<size { left[row, column] -= factor * left[pivot, column] }
                for column in 0..<size { result[row, column] -= factor * result[pivot, column] }
            }
        }
        for row in 0..<size {
            for column in 0..<size { result[row, column] /= left[row, row] }
        }
        return result
    }

    /// (I + Q)·(I − Q)⁻¹, the Cayley transform; nil only if Q has an eigenvalue 1, which no antisymmetric Q has.
    package var cayley: SmallMatrix? {
        let identity = SmallMatrix(identity: size)
        // X·(I − Q) = I + Q  ⇔  (I − Q)ᵀ·Xᵀ = (I + Q)ᵀ
        return (identity - self).transposed.solving((identity + self).transposed)?.transposed
    }
}
