internal import CUmbelKernels
internal import Synchronization

/// The largest eigenvalues of a symmetric tridiagonal matrix by bisection, and their vectors by inverse iteration.
///
/// Vectors of eigenvalues that are close to each other are made orthogonal as they are found; those further apart are so
/// by themselves. Sources: Golub and Van Loan, "Matrix Computations", 8.4; Jessup and Ipsen, "Improving the accuracy of
/// inverse iteration", 1992; the same limits as LAPACK's `dstein`.
struct TridiagonalEigenvectors {
    private let matrix: Tridiagonal
    private let bound: Double
    /// The place of double precision: what is smaller is nothing beside the largest eigenvalue.
    private let smallest: Double

    init(_ matrix: Tridiagonal) {
        self.matrix = matrix
        bound = matrix.bound
        smallest = max(bound * Double.ulpOfOne, .leastNormalMagnitude)
    }

    /// Each half of an interval of all eigenvalues, until 2⁻⁶⁰ of it is left.
    private static let halvings = 60
    /// Eigenvalues that are less than this part of the largest apart are close.
    private static let closeness = 1e-3

    /// The `count` largest, the largest first.
    func largestValues(_ count: Int, pool: ComputePool) -> [Double] {
        let lanes = Int(UMBEL_F64_SHIFTS)
        let groups = (count + lanes - 1) / lanes
        let found = Mutex([Double](repeating: 0, count: groups * lanes))
        pool.forEach(groups) { group in
            let values = bisected(positions: (0..<lanes).map { min(group * lanes + $0, count - 1) })
            found.withLock { $0.replaceSubrange(group * lanes..<(group + 1) * lanes, with: values) }
        }
        var values = Array(found.withLock { $0.prefix(count) })
        // Rounding may exchange neighbours.
        for index in values.indices.dropFirst() { values[index] = min(values[index], values[index - 1]) }
        return values
    }

    /// The eigenvalues at these positions from the largest on, as many as the kernel takes.
    private func bisected(positions: [Int]) -> [Double] {
        let squares = matrix.beside.map { $0 * $0 }
        var lower = [Double](repeating: -bound, count: positions.count)
        var upper = [Double](repeating: bound, count: positions.count)
        var counts = [Int64](repeating: 0, count: positions.count)
        for _ in 0..<Self.halvings {
            let middles = zip(lower, upper).map { 0.5 * ($0 + $1) }
            umbel_f64_count_below(
                &counts, matrix.diagonal, squares, matrix.size, middles, .leastNormalMagnitude)
            for lane in positions.indices {
                if counts[lane] < matrix.size - positions[lane] {
                    lower[lane] = middles[lane]
                } else {
                    upper[lane] = middles[lane]
                }
            }
        }
        return zip(lower, upper).map { 0.5 * ($0 + $1) }
    }

    /// Unit vectors of eigenvalues that were found, the largest first, as rows.
    func vectors(of values: [Double]) -> DoubleMatrix {
        let vectors = DoubleMatrix(rows: values.count, columns: matrix.size)
        var random = SplitMix64(state: 1)
        var close = 0
        var shift = Double.infinity
        for (index, value) in values.enumerated() {
            while values[close] - value > Self.closeness * bound { close += 1 }
            // Equal shifts would find the same vector again.
            shift = min(value, shift - 10 * smallest)
            iterate(vectors, index, after: close, shift: shift, random: &random)
        }
        return vectors
    }

    private func iterate(
        _ vectors: DoubleMatrix, _ index: Int, after close: Int, shift: Double, random: inout SplitMix64
    ) {
        let size = matrix.size
        let vector = vectors.row(index)
        var factors = [Double](repeating: 0, count: 4 * size)
        var exchanged = [UInt8](repeating: 0, count: size)
        umbel_f64_factor_tridiagonal(&factors, &exchanged, matrix.diagonal, matrix.beside, size, shift, smallest)
        for _ in 0..<Self.attempts {
            for place in 0..<size { vector[place] = random.nextSigned() }
            umbel_f64_normalise(vector, size)
            var steps = 0
            for _ in 0..<Self.largestSteps {
                umbel_f64_solve_tridiagonal(vector, factors, exchanged, size)
                let growth = umbel_f64_normalise(vector, size)
                for before in close..<max(close, index) {
                    let part = umbel_f64_dot(vectors.row(before), vector, size)
                    umbel_f64_add_scaled(vector, vectors.row(before), -part, size)
                }
                let rest = umbel_f64_normalise(vector, size)
                // A vector that mostly lay in those before is not yet orthogonal to them to the last bits.
                let isFound = growth * rest * smallest * Double(size).squareRoot() > Self.least && rest > 0.5
                steps = isFound ? steps + 1 : 0
                if steps == Self.stepsWhenFound { return }
            }
            if (0..<size).allSatisfy({ vector[$0].isFinite }) { return }
        }
    }

    private static let attempts = 3
    private static let largestSteps = 8
    private static let stepsWhenFound = 2
    /// How near 1/ε the growth of a step must come for its vector to be an eigenvector's.
    private static let least = 1e-2
}

/// Where inverse iteration starts: any numbers do, if they are always the same. Source: Steele, Lea and Flood 2014.
private struct SplitMix64 {
    var state: UInt64

    /// In −1 ..< 1.
    mutating func nextSigned() -> Double {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        mixed ^= mixed >> 31
        return Double(mixed >> 11) * 0x1p-52 - 1
    }
}
