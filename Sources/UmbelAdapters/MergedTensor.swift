internal import Glibc
internal import Synchronization
package import UmbelTensor

/// The bytes of a merged tensor, in its storage type.
package final class MergedTensor: @unchecked Sendable {
    // Sendable: written by the merge that makes it, read-only afterwards.
    package let dtype: DType
    package let shape: [Int]
    private let memory: RecycledMemory.Block
    package let byteCount: Int
    private static let live = Atomic(0)

    /// Bytes of all merged tensors that anybody holds.
    package static var liveBytes: Int { live.load(ordering: .relaxed) }

    /// Uninitialised, with memory that a tensor before it left, or that the pool's threads populate.
    init(dtype: DType, shape: [Int], pool: ComputePool? = nil) {
        self.dtype = dtype
        self.shape = shape
        byteCount = shape.elementCount * dtype.byteCount
        memory = RecycledMemory.take(byteCount: byteCount, pool: pool)
        Self.live.wrappingAdd(byteCount, ordering: .relaxed)
    }

    deinit {
        Self.live.wrappingSubtract(byteCount, ordering: .relaxed)
        RecycledMemory.give(memory)
    }

    /// Aligned to a cache line. Valid as long as the tensor itself: hold on to it while they are read.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory.start, count: byteCount) }

    /// Has another tensor the same type, shape and bytes?
    package func hasSameBytes(as other: MergedTensor) -> Bool {
        guard dtype == other.dtype, shape == other.shape else { return false }
        return withExtendedLifetime((self, other)) {
            byteCount == 0 || memcmp(memory.start, other.memory.start, byteCount) == 0
        }
    }

    package var view: TensorView { TensorView(dtype: dtype, shape: shape, bytes: bytes, owner: self) }

    /// Where the numbers of the tensor go, for the merge that makes it.
    var destination: WeightRows.Destination {
        guard let format = dtype.floatFormat else {
            preconditionFailure("a merged tensor holds floating-point numbers")
        }
        return WeightRows.Destination(
            start: memory.start, format: format, limit: dtype.overflowLimit, pastCaches: byteCount >= Self.cachedBytes)
    }

    /// What is smaller may still be in a cache when somebody reads it.
    private static let cachedBytes = 1 << 20
}
