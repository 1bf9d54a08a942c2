internal import CUmbelKernels
internal import Glibc
internal import Synchronization

/// Owned f32 storage of `rows` × `columns`, row-major. All arithmetic happens in it.
///
/// A matrix made of a stored tensor (`init(of:rows:)`) takes memory and is filled when its numbers are first asked for: to
/// know whether an adapter fits takes its shapes, and the first touch of fresh memory costs many times the reading.
package final class Matrix: @unchecked Sendable {
    // Sendable: whoever makes a matrix fills it before sharing it, or the first who needs it does under its lock; tiles
    // written in parallel never overlap.
    package let rows: Int
    package let columns: Int
    /// nil until there are numbers.
    private let numbers: Atomic<UnsafeMutablePointer<Float>?>
    private let storage: Mutex<Storage>

    private enum Storage: Sendable {
        case filled(RecycledMemory.Block)
        case pending(TensorView)
    }

    /// Bytes that the matrices of the process which have no numbers yet are going to take.
    package static var pendingBytes: Int { pending.load(ordering: .relaxed) }
    private static let pending = Atomic(0)

    /// Uninitialised storage.
    ///
    /// - Parameter pool: whose threads populate pages that are fresh; nil for the calling thread alone.
    package init(rows: Int, columns: Int, pool: ComputePool? = nil) {
        precondition(rows >= 0 && columns >= 0)
        self.rows = rows
        self.columns = columns
        let block = ThreadBlocks.take(byteCount: rows * columns * MemoryLayout<Float>.stride, pool: pool)
        storage = Mutex(.filled(block))
        numbers = Atomic(block.start.assumingMemoryBound(to: Float.self))
    }

    /// The elements of a tensor of a floating-point type, once they are needed.
    ///
    /// - Precondition: the elements make up whole rows.
    package init(of view: TensorView, rows: Int) {
        self.rows = rows
        columns = rows == 0 ? 0 : view.elementCount / rows
        precondition(view.dtype.isFloat && rows * columns == view.elementCount)
        storage = Mutex(.pending(view))
        numbers = Atomic(nil)
        Self.pending.wrappingAdd(rows * columns * MemoryLayout<Float>.stride, ordering: .relaxed)
    }

    package var start: UnsafeMutablePointer<Float> { numbers.load(ordering: .acquiring) ?? filled() }

    private func filled() -> UnsafeMutablePointer<Float> {
        storage.withLock { storage in
            switch storage {
            // Somebody else was faster.
            case .filled(let block): return block.start.assumingMemoryBound(to: Float.self)
            case .pending(let view):
                let block = RecycledMemory.take(byteCount: count * MemoryLayout<Float>.stride)
                let start = block.start.assumingMemoryBound(to: Float.self)
                view.widen(0..<count, into: start)
                storage = .filled(block)
                numbers.store(start, ordering: .releasing)
                Self.pending.wrappingSubtract(count * MemoryLayout<Float>.stride, ordering: .relaxed)
                return start
            }
        }
    }

    package convenience init(rows: Int, columns: Int, repeating value: Float) {
        self.init(rows: rows, columns: columns)
        start.initialize(repeating: value, count: count)
    }

    /// - Precondition: `values` has rows × columns elements.
    package convenience init(rows: Int, columns: Int, values: [Float]) {
        self.init(rows: rows, columns: columns)
        precondition(values.count == count)
        for index in 0..<count { start[index] = values[index] }
    }

    deinit {
        storage.withLock { storage in
            switch storage {
            case .filled(let block): ThreadBlocks.give(block)
            case .pending: Self.pending.wrappingSubtract(count * MemoryLayout<Float>.stride, ordering: .relaxed)
            }
        }
    }

    package var count: Int { rows * columns }

    package var values: [Float] { Array(UnsafeBufferPointer(start: start, count: count)) }

    package func row(_ index: Int) -> UnsafeMutablePointer<Float> {
        precondition(index >= 0 && index <= rows)
        return start + index * columns
    }

    package subscript(row: Int, column: Int) -> Float {
        get {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns)
            return start[row * columns + column]
        }
        set {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns)
            start[row * columns + column] = newValue
        }
    }

    package func copy() -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        matrix.start.update(from: start, count: count)
        return matrix
    }

    package func transposed() -> Matrix {
        let matrix = Matrix(rows: columns, columns: rows)
        // Square blocks keep both sides in cache.
        let block = 32
        for rowBlock in stride(from: 0, to: rows, by: block) {
            for columnBlock in stride(from: 0, to: columns, by: block) {
                for row in rowBlock..<min(rowBlock + block, rows) {
                    for column in columnBlock..<min(columnBlock + block, columns) {
                        matrix.start[column * rows + row] = start[row * columns + column]
                    }
                }
            }
        }
        return matrix
    }

    /// self · right, each element one fused sum in index order.
    ///
    /// - Precondition: `columns == right.rows`.
    package func multiplied(by right: Matrix) -> Matrix {
        precondition(columns == right.rows)
        let product = Matrix(rows: rows, columns: right.columns)
        umbel_multiply(
            product.start, right.columns, start, columns, right.start, right.columns, rows, columns, right.columns)
        return product
    }

    package func scale(by factor: Float) {
        umbel_scale(start, factor, count)
    }

    /// √Σx², summed in f64.
    package var norm: Double { umbel_sum_of_squares(start, count).squareRoot() }

    /// Has another matrix the same shape and the same bits?
    package func hasSameBits(as other: Matrix) -> Bool {
        rows == other.rows && columns == other.columns
            && memcmp(start, other.start, count * MemoryLayout<Float>.stride) == 0
    }

    package var isFinite: Bool { umbel_all_below(start, .infinity, count) == 1 }

    package var isZero: Bool { (0..<count).allSatisfy { start[$0] == 0 } }

    /// Largest magnitude; 0 for an empty matrix.
    package var largestMagnitude: Float {
        let view = storage.withLock { storage -> TensorView? in
            if case .pending(let view) = storage { view } else { nil }
        }
        // What is only asked how large it is need not be filled.
        return view?.largestMagnitude ?? umbel_largest_magnitude(start, count)
    }
}
