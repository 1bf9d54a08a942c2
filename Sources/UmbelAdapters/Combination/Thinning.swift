package import UmbelTensor

/// Leaves a share of a matrix's elements and sets the others to 0.
package enum Thinning {
    /// Keeps the ⌊density · count⌋ elements of largest magnitude; of equal ones those that come first.     TIES, arXiv 2306.01708
    ///
    /// The limit is found by counting: magnitudes of floats are ordered like their bits, of which the upper 16 are
    /// counted first, then the lower 15 of those at the limit.
    package static func keepLargest(of matrix: Matrix, density: Double) {
        let (values, count) = (matrix.start, matrix.count)
        let kept = Int(density * Double(count))
        guard density < 1, kept < count else { return }
        guard kept > 0 else { return values.update(repeating: 0, count: count) }
        var left = kept
        let high = limit(&left, 1 << 16) { counts in
            for index in 0..<count { counts[Int(magnitude(values[index]) >> 15)] += 1 }
        }
        let low = limit(&left, 1 << 15) { counts in
            for index in 0..<count where magnitude(values[index]) >> 15 == high {
                counts[Int(magnitude(values[index]) & 0x7fff)] += 1
            }
        }
        let threshold = high << 15 | low
        for index in 0..<count {
            let size = magnitude(values[index])
            if size > threshold { continue }
            if size == threshold, left > 0 {
                left -= 1
            } else {
                values[index] = 0
            }
        }
    }

    /// Keeps what the mask keeps, divided by the density, so that the expected sum stays.     DARE, arXiv 2311.03099
    package static func keepRandom(
        of matrix: Matrix, density: Double, mask: @Sendable (Int) -> Bool, pool: ComputePool
    ) {
        guard density < 1 else { return }
        pool.forEachRange(matrix.count, grain: 1 << 14) { range in
            for index in range {
                matrix.start[index] = mask(index) ? matrix.start[index] / Float(density) : 0
            }
        }
    }

    private static func magnitude(_ value: Float) -> UInt32 { value.bitPattern & 0x7fff_ffff }

    /// The class in which the one that is `left`-th from above lies; `left` becomes its place within that class.
    private static func limit(
        _ left: inout Int, _ classes: Int, count: (UnsafeMutableBufferPointer<Int>) -> Void
    ) -> UInt32 {
        var counts = [Int](repeating: 0, count: classes)
        counts.withUnsafeMutableBufferPointer { count($0) }
        for index in stride(from: classes - 1, to: 0, by: -1) {
            if counts[index] >= left { return UInt32(index) }
            left -= counts[index]
        }
        return 0
    }
}
