internal import CUmbelKernels
internal import Synchronization

/// A pointer that several threads read from.
private struct ReadOnlyBytes: @unchecked Sendable {
    // Sendable: nobody writes through it.
    let start: UnsafeRawPointer
}

/// Bytes of a tensor in somebody else's memory (a mapping), with type and shape. Row-major; alignment is not assumed.
package struct TensorView: @unchecked Sendable {
    // Sendable: the bytes are read-only, and `owner` keeps them mapped.
    package let dtype: DType
    package let shape: [Int]
    package let bytes: UnsafeRawBufferPointer
    private let owner: AnyObject

    /// - Precondition: `bytes` holds exactly the elements of `shape`, and lives as long as `owner`.
    package init(dtype: DType, shape: [Int], bytes: UnsafeRawBufferPointer, owner: AnyObject) {
        precondition(bytes.count == shape.elementCount * dtype.byteCount)
        self.dtype = dtype
        self.shape = shape
        self.bytes = bytes
        self.owner = owner
    }

    package var elementCount: Int { shape.elementCount }

    /// A range of the first axis, in the same memory.
    ///
    /// - Precondition: the tensor has a first axis, and the range is within it.
    package func rows(_ range: Range<Int>) -> TensorView {
        precondition(range.lowerBound >= 0 && range.upperBound <= shape[0])
        let width = shape.flattenedColumns * dtype.byteCount
        let part = bytes[range.lowerBound * width..<range.upperBound * width]
        return TensorView(
            dtype: dtype, shape: [range.count] + shape.dropFirst(), bytes: UnsafeRawBufferPointer(rebasing: part),
            owner: owner)
    }

    /// Widens the elements in `range` to f32. Floating-point types only.
    package func widen(_ range: Range<Int>, into out: UnsafeMutablePointer<Float>) {
        guard let format = dtype.floatFormat else { preconditionFailure("widen of \(dtype)") }
        precondition(range.lowerBound >= 0 && range.upperBound <= elementCount)
        guard let start = bytes.baseAddress, !range.isEmpty else { return }
        umbel_widen(out, start + range.lowerBound * dtype.byteCount, range.count, format)
    }

    /// All elements as f32 in a matrix whose rows are the first axis. Floating-point types only.
    package func matrix(rows: Int? = nil) -> Matrix {
        let rows = rows ?? (shape.first ?? 1)
        let matrix = Matrix(rows: rows, columns: rows == 0 ? 0 : elementCount / rows)
        widen(0..<elementCount, into: matrix.start)
        return matrix
    }

    /// Largest magnitude; 0 for an empty tensor. Floating-point types only.
    package var largestMagnitude: Float {
        let piece = 4096
        let buffer = Matrix(rows: 1, columns: min(piece, elementCount))
        var largest: Float = 0
        for start in stride(from: 0, to: elementCount, by: piece) {
            let range = start..<min(start + piece, elementCount)
            widen(range, into: buffer.start)
            largest = max(largest, umbel_largest_magnitude(buffer.start, range.count))
        }
        return largest
    }

    /// All elements as f32. Floating-point types only.
    package func values() -> [Float] {
        [Float](unsafeUninitializedCapacity: elementCount) { buffer, count in
            if let start = buffer.baseAddress { widen(0..<elementCount, into: start) }
            count = elementCount
        }
    }

    /// Element `index` of any type as a number, exactly where f64 can hold it.
    package func number(at index: Int) -> Double {
        precondition(index >= 0 && index < elementCount)
        let offset = index * dtype.byteCount
        switch dtype {
        case .f64: return bytes.loadUnaligned(fromByteOffset: offset, as: Double.self)
        case .i64: return Double(bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self))
        case .i32: return Double(bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self))
        case .i16: return Double(bytes.loadUnaligned(fromByteOffset: offset, as: Int16.self))
        case .i8: return Double(bytes.loadUnaligned(fromByteOffset: offset, as: Int8.self))
        case .u64: return Double(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        case .u32: return Double(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        case .u16: return Double(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        case .u8, .bool: return Double(bytes.loadUnaligned(fromByteOffset: offset, as: UInt8.self))
        case .f32, .f16, .bf16, .f8e4m3, .f8e5m2:
            var value: Float = 0
            widen(index..<index + 1, into: &value)
            return Double(value)
        }
    }

    /// Are all elements finite? Computed on all threads; true for types without such values.
    package func isFinite(pool: ComputePool) -> Bool {
        dtype == .f64 ? isFinite(0..<elementCount) : isBelow(.infinity, pool: pool)
    }

    /// Are all magnitudes, rounded to f32, below a limit, none of them NaN? Computed on all threads; true for types that are no floats.
    package func isBelow(_ limit: Float, pool: ComputePool) -> Bool {
        guard let format = dtype.floatFormat, let start = bytes.baseAddress, elementCount > 0 else { return true }
        let source = ReadOnlyBytes(start: start)
        let failures = Atomic(0)
        pool.forEachRange(elementCount, grain: 1 << 18) { [dtype] range in
            let buffer = Matrix(rows: 1, columns: 8192)
            for begin in stride(from: range.lowerBound, to: range.upperBound, by: 8192) {
                let count = min(8192, range.upperBound - begin)
                umbel_widen(buffer.start, source.start + begin * dtype.byteCount, count, format)
                if umbel_all_below(buffer.start, limit, count) == 0 { failures.wrappingAdd(1, ordering: .relaxed) }
            }
        }
        return failures.load(ordering: .relaxed) == 0
    }

    /// Are the elements in `range` finite? Computed on the calling thread; true for types without such values.
    package func isFinite(_ range: Range<Int>) -> Bool {
        guard dtype.isFloat else { return true }
        // f32 has no number for the largest of these.
        if dtype == .f64 { return range.allSatisfy { number(at: $0).isFinite } }
        let buffer = Matrix(rows: 1, columns: 8192)
        return stride(from: range.lowerBound, to: range.upperBound, by: 8192).allSatisfy { begin in
            let piece = begin..<min(begin + 8192, range.upperBound)
            widen(piece, into: buffer.start)
            return umbel_all_below(buffer.start, .infinity, piece.count) == 1
        }
    }

    /// Index of the first element that is NaN or infinite; nil if there is none, or the type has no such values.
    package func firstNonFinite() -> Int? {
        dtype == .f64 ? (0..<elementCount).first { !number(at: $0).isFinite } : firstNot(below: .infinity)
    }

    /// Index of the first element whose magnitude, rounded to f32, is not below a limit; nil if there is none, or the type is no float.
    package func firstNot(below limit: Float) -> Int? {
        guard dtype.isFloat else { return nil }
        if dtype == .f64 { return (0..<elementCount).first { !(abs(Float(number(at: $0))) < limit) } }
        let chunk = 4096
        let buffer = Matrix(rows: 1, columns: chunk)
        for start in stride(from: 0, to: elementCount, by: chunk) {
            let range = start..<min(start + chunk, elementCount)
            widen(range, into: buffer.start)
            if umbel_all_below(buffer.start, limit, range.count) == 0 {
                return range.first { !(abs(buffer.start[$0 - start]) < limit) }
            }
        }
        return nil
    }
}

extension TensorView {
    /// The elements in `range`, rounded to another floating-point type. Floating-point types only.
    package func converted(_ range: Range<Int>, to dtype: DType) -> [UInt8] {
        guard let format = dtype.floatFormat else { preconditionFailure("conversion to \(dtype)") }
        let values = Matrix(rows: 1, columns: range.count)
        widen(range, into: values.start)
        return [UInt8](unsafeUninitializedCapacity: range.count * dtype.byteCount) { buffer, count in
            if let start = buffer.baseAddress { umbel_narrow(start, values.start, range.count, format) }
            count = range.count * dtype.byteCount
        }
    }
}
