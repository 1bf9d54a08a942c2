internal import CUmbelKernels

/// Square f64 matrices of one size in one piece of memory: the blocks of rotations, of which a layer may have thousands.
package struct SquareBlocks: Sendable {
    package let size: Int
    /// Block after block, row-major.
    package private(set) var values: [Double]

    /// - Precondition: the values are whole blocks.
    package init(size: Int, values: [Double]) {
        precondition(size > 0 && values.count % (size * size) == 0)
        self.size = size
        self.values = values
    }

    package var count: Int { values.count / (size * size) }

    /// √Σx² over all blocks.
    package var norm: Double { values.reduce(0.0) { $0 + $1 * $1 }.squareRoot() }

    package mutating func scale(by factor: Double) {
        for index in values.indices { values[index] *= factor }
    }

    /// B − Bᵀ in place of each block B.
    package mutating func makeAntisymmetric() {
        let (size, count) = (size, count)
        values.withUnsafeMutableBufferPointer { values in
            for block in 0..<count {
                let start = block * size * size
                for row in 0..<size {
                    values[start + row * size + row] = 0
                    for column in 0..<row {
                        let (lower, upper) = (start + row * size + column, start + column * size + row)
                        let difference = values[lower] - values[upper]
                        (values[lower], values[upper]) = (difference, -difference)
                    }
                }
            }
        }
    }

    /// (I + Q)·(I − Q)⁻¹ in place of each block Q.
    ///
    /// - Returns: false if one of them has no finite transform; the values are of no use then.
    package mutating func transformByCayley() -> Bool {
        let (size, count) = (size, count)
        return withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * size * size) { scratch in
            values.withUnsafeMutableBufferPointer { values in
                guard let start = values.baseAddress else { return true }
                for block in 0..<count {
                    let place = start + block * size * size
                    guard umbel_cayley(place, place, size, scratch.baseAddress) == 1 else { return false }
                }
                return values.allSatisfy(\.isFinite)
            }
        }
    }
}
