internal import CUmbelKernels
internal import Synchronization

/// What two tensors differ by, and what both differ from a third by, as sums that add up over tensors. All in f64, of
/// values as f32.
package struct DifferenceSums: Hashable, Sendable {
    package private(set) var elements = 0
    /// Elements that have the same value in both.
    package private(set) var equal = 0
    /// ‖a‖², ‖b‖² and ‖w‖², where w is the third: the base.
    package private(set) var squaresA = 0.0
    package private(set) var squaresB = 0.0
    package private(set) var squaresBase = 0.0
    /// ‖a − b‖².
    package private(set) var squaresDistance = 0.0
    /// ‖a − w‖² and ‖b − w‖².
    package private(set) var squaresChangeA = 0.0
    package private(set) var squaresChangeB = 0.0
    /// (a − w)·(b − w).
    package private(set) var product = 0.0
    /// The largest |a − b|; 0 if there is no difference.
    package private(set) var largest = 0.0
    /// Where in the tensor `largest` is first found; of no meaning after sums of several tensors were added.
    package private(set) var largestIndex = 0

    package init() {}

    /// - Precondition: all three have `count` elements.
    init(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, base: UnsafePointer<Float>, count: Int, offset: Int
    ) {
        var sums = umbel_comparison()
        umbel_compare(&sums, a, b, base, count)
        (elements, equal) = (count, sums.equal)
        (squaresA, squaresB, squaresBase) = (sums.squares_a, sums.squares_b, sums.squares_w)
        (squaresDistance, product) = (sums.squares_distance, sums.product)
        (squaresChangeA, squaresChangeB) = (sums.squares_change_a, sums.squares_change_b)
        (largest, largestIndex) = (sums.largest, offset + sums.largest_index)
    }

    package mutating func add(_ other: DifferenceSums) {
        elements += other.elements
        equal += other.equal
        squaresA += other.squaresA
        squaresB += other.squaresB
        squaresBase += other.squaresBase
        squaresDistance += other.squaresDistance
        squaresChangeA += other.squaresChangeA
        squaresChangeB += other.squaresChangeB
        product += other.product
        if other.largest > largest { (largest, largestIndex) = (other.largest, other.largestIndex) }
    }
}

extension DifferenceSums {
    /// Elements that one thread takes at a time; fixed, so that sums do not depend on the number of threads.
    private static let tile = 1 << 15

    /// The sums of two tensors of one shape, computed on all threads of a pool in tiles that are added up in order.
    ///
    /// - Parameters:
    ///   - base: nil if there is none of that shape; what refers to it is 0 then.
    /// - Precondition: all have as many elements, and are of floating-point types.
    package init(_ a: RoundedView, _ b: RoundedView, base: TensorView?, pool: ComputePool) {
        let count = a.view.elementCount
        precondition(b.view.elementCount == count && (base?.elementCount ?? count) == count)
        let tiles = (count + Self.tile - 1) / Self.tile
        let parts = Mutex([DifferenceSums](repeating: .init(), count: tiles))
        pool.forEachRange(count, grain: Self.tile) { range in
            let values = Matrix(rows: 3, columns: range.count)
            a.widen(range, into: values.row(0))
            b.widen(range, into: values.row(1))
            // Without a base a is compared with itself.
            if let base { base.widen(range, into: values.row(2)) } else { a.widen(range, into: values.row(2)) }
            let sums = DifferenceSums(
                values.row(0), values.row(1), base: values.row(2), count: range.count, offset: range.lowerBound)
            parts.withLock { $0[range.lowerBound / Self.tile] = sums }
        }
        self.init()
        for part in parts.withLock({ $0 }) { add(part) }
        if base == nil { (squaresBase, squaresChangeA, squaresChangeB, product) = (0, 0, 0, 0) }
    }
}

/// A tensor as a model has it: its values, rounded to another type where the model is converted.
package struct RoundedView: Sendable {
    package let view: TensorView
    package let dtype: DType

    /// - Precondition: both are floating-point types.
    package init(_ view: TensorView, as dtype: DType? = nil) {
        self.view = view
        self.dtype = dtype ?? view.dtype
    }

    /// Has the view's own values?
    package var isExact: Bool { dtype == view.dtype }

    func widen(_ range: Range<Int>, into out: UnsafeMutablePointer<Float>) {
        guard !isExact else { return view.widen(range, into: out) }
        guard let format = dtype.floatFormat else { preconditionFailure("rounding to \(dtype)") }
        umbel_widen(out, view.converted(range, to: dtype), range.count, format)
    }
}
