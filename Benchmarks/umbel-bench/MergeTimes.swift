import UmbelAdapters
import UmbelTensor

/// Times of one merge and of all that it is held against, taken in turns: whatever else the machine does falls on all of them.
struct MergeTimes {
    private(set) var memcpy: [Double] = []
    private(set) var stream: [Double] = []
    private(set) var merge: [Double] = []
    private(set) var kept: [Double] = []
    private(set) var peak: [Double] = []
    private(set) var coldCopy: [Double] = []
    private(set) var coldMerge: [Double] = []

    /// Takes one time of each. Memory that earlier merges left is there for `merge` and `kept`, and is given back to the
    /// system before the cold ones.
    mutating func measure(_ item: MergeCase, _ copy: PlainCopy, on pool: ComputePool, cold: Bool) throws {
        memcpy.append(seconds { copy.run(on: pool, .memcpy) })
        merge.append(try seconds { try item.merge(on: pool) })
        stream.append(seconds { copy.run(on: pool, .stream) })
        kept.append(try Self.keeping(item, on: pool))
        peak.append(MultiplyAddPeak.measure(on: pool))
        guard cold else { return }
        RecycledMemory.release()
        if let time = copy.runCold(on: pool) { coldCopy.append(time) }
        coldMerge.append(try Self.keeping(item, on: pool))
    }

    /// Seconds of a merge whose results are let go of after it.
    static func keeping(_ item: MergeCase, on pool: ComputePool) throws -> Double {
        var kept: [MergedTensor] = []
        let time = try seconds { kept = try item.mergeAndKeep(on: pool) }
        withExtendedLifetime(kept) {}
        return time
    }

    var cold: Measurement.Cold? {
        coldMerge.isEmpty ? nil : .init(copySeconds: coldCopy.median, mergeSeconds: coldMerge.median)
    }
}
