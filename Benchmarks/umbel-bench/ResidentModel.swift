import Glibc
import UmbelAdapters
import UmbelNames
import UmbelTensor

/// Memory that has been written to once, so that no later use waits for the kernel to give pages.
final class WarmMemory: @unchecked Sendable {
    // Sendable: parts that are written at the same time never overlap.
    let start: UnsafeMutableRawPointer
    let byteCount: Int

    /// - Parameter stagger: bytes that the start is away from a page. Streams whose addresses differ by a large power of two
    ///   fall into the same places of the cache.
    init(byteCount: Int, stagger: Int) {
        self.byteCount = byteCount
        start = UnsafeMutableRawPointer.allocate(byteCount: byteCount + stagger, alignment: 4096) + stagger
        memset(start, 1, byteCount)
    }

    // Lives as long as the process, like a base.
}

/// A generated model in memory.
struct ResidentModel {
    let shape: ModelShape
    let weights: BaseWeights
    let table: NameTable
    let byteCount: Int

    init(_ shape: ModelShape, dtype: DType) {
        self.shape = shape
        byteCount = shape.tensors.reduce(0) { $0 + $1.shape.elementCount * dtype.byteCount }
        let memory = WarmMemory(byteCount: byteCount, stagger: 0)
        let source = NoiseSource(dtype: dtype)
        var offset = 0
        var views: [TensorView] = []
        for tensor in shape.generated {
            let begin = offset
            source.produce(tensor.shape.elementCount, tensor.fill) { bytes in
                UnsafeMutableRawBufferPointer(start: memory.start + offset, count: bytes.count).copyMemory(from: bytes)
                offset += bytes.count
            }
            let bytes = UnsafeRawBufferPointer(start: memory.start + begin, count: offset - begin)
            views.append(TensorView(dtype: dtype, shape: tensor.shape, bytes: bytes, owner: memory))
        }
        let catalog = BaseCatalog(
            tensors: shape.tensors.map { BaseTensor(name: $0.name, shape: $0.shape) },
            modelType: shape.tensors.contains { $0.name.hasPrefix("model.") } ? "qwen2" : nil)
        weights = BaseWeights(catalog: catalog, views: views)
        table = NameTable(catalog: catalog)
    }
}
