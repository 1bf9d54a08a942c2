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
        var left = values
        var result = right.values
        let size = size
        // Through pointers: the loops below are what binding a rotation consists of.
        let isRegular = left.withUnsafeMutableBufferPointer { left in
            result.withUnsafeMutableBufferPointer { result in
                guard let left = left.baseAddress, let result = result.baseAddress else { return true }
                return Self.eliminate(left, result, size)
            }
        }
        return isRegular ? SmallMatrix(size: size, values: result) : nil
    }

    /// Turns `left` into the identity and `result` into left⁻¹ · result; false if `left` is singular.
    private static func eliminate(
        _ left: UnsafeMutablePointer<Double>, _ result: UnsafeMutablePointer<Double>, _ size: Int
    ) -> Bool {
        for pivot in 0..<size {
            let best = (pivot..<size).max { abs(left[$0 * size + pivot]) < abs(left[$1 * size + pivot]) } ?? pivot
            let (leftPivot, resultPivot) = (left + pivot * size, result + pivot * size)
            guard left[best * size + pivot] != 0 else { return false }
            if best != pivot {
                for column in 0..<size {
                    swap(&leftPivot[column], &left[best * size + column])
                    swap(&resultPivot[column], &result[best * size + column])
                }
            }
            for row in 0..<size where row != pivot {
                let (leftRow, resultRow) = (left + row * size, result + row * size)
                let factor = leftRow[pivot] / leftPivot[pivot]
                if factor == 0 { continue }
                for column in pivot..<size { leftRow[column] -= factor * leftPivot[column] }
                for column in 0..<size { resultRow[column] -= factor * resultPivot[column] }
            }
        }
        for row in 0..<size {
            let divisor = left[row * size + row]
            for column in 0..<size { result[row * size + column] /= divisor }
        }
        return true
    }

    /// (I + Q)·(I − Q)⁻¹, the Cayley transform; nil only if Q has an eigenvalue 1, which no antisymmetric Q has.
    package var cayley: SmallMatrix? {
        let identity = SmallMatrix(identity: size)
        // X·(I − Q) = I + Q  ⇔  (I − Q)ᵀ·Xᵀ = (I + Q)ᵀ
        return (identity - self).transposed.solving((identity + self).transposed)?.transposed
    }
}
