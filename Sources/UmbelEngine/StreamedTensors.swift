internal import Synchronization
package import UmbelAdapters
package import UmbelTensor

/// Merges each tensor when it is asked for. Tensors that had to be computed with it are kept until they are asked for
/// as well, as long as they fit `keptBytes`.
package final class StreamedTensors: MergedTensorSource {
    package let readAhead: ReadAhead
    private let pool: ComputePool
    private let keptBytes: Int
    private let kept = Mutex<[Int: MergedTensor]>([:])

    package init(pool: ComputePool, keptBytes: Int = 256 << 20) {
        self.pool = pool
        self.keptBytes = keptBytes
        readAhead = ReadAhead(pool: pool)
    }

    package func isReady(_ index: Int, of model: MergedModel) -> Bool { kept.withLock { $0[index] != nil } }

    package func tensor(_ index: Int, of model: MergedModel) throws -> MergedTensor {
        if let tensor = kept.withLock({ $0.removeValue(forKey: index) }) { return tensor }
        var merged = try TensorMerger(plan: model.plan, pool: pool).merge(index, as: model.outputType)
        guard let tensor = merged.removeValue(forKey: index) else {
            throw EngineError.internalInconsistency("merge of tensor \(index) gave no result")
        }
        let siblings = merged
        kept.withLock { kept in
            kept.merge(siblings) { $1 }
            var bytes = kept.values.reduce(0) { $0 + $1.byteCount }
            while bytes > keptBytes, let (victim, tensor) = kept.first {
                kept[victim] = nil
                bytes -= tensor.byteCount
            }
        }
        return tensor
    }
}
