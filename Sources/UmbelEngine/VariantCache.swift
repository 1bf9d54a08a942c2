internal import Dispatch
internal import Synchronization
package import UmbelAdapters
internal import UmbelRegistry
package import UmbelTensor

/// Merged tensors in memory, by variant, within a budget of bytes.
///
/// A tensor is built once however many ask for it at the same time: the first builds, the others wait for it and get the
/// same value or the same error. A failed build is not remembered. What exceeds the budget pushes out the variants that
/// were used longest ago; what does not fit even then is handed to those who asked and forgotten.
package final class VariantCache: Sendable {
    private let pool: ComputePool
    /// Bytes of merged tensors kept at most.
    package let budget: Int
    /// As many merges at a time as there are threads, each of which holds a few copies of a tensor.
    private let slots: DispatchSemaphore
    private let state = Mutex(State())

    fileprivate struct State {
        var variants: [String: Entry] = [:]
        var bytes = 0
        var clock = 0
    }

    fileprivate struct Entry {
        let variant: Variant
        var tensors: [Int: MergedTensor] = [:]
        var builds: [Int: Build] = [:]
        var bytes = 0
        var mergeNanoseconds: UInt64 = 0
        var hits = 0
        var pinned = false
        var lastUsed = 0
        var lastUsedTime = Date.now
    }

    /// A merge under way; set once before the group is left.
    fileprivate final class Build: Sendable {
        let group = DispatchGroup()
        let result = Mutex<Result<[Int: MergedTensor], MergeError>?>(nil)
    }

    package init(pool: ComputePool, budget: Int) {
        self.pool = pool
        self.budget = budget
        slots = DispatchSemaphore(value: pool.threads)
    }

    /// The variant of that id, registered if it was not. Counts as a use.
    package func use(_ id: String, make: () throws(EngineError) -> Variant) throws(EngineError) -> Variant {
        if let known = state.withLock({ $0.touch(id) }) { return known }
        let variant = try make()
        return state.withLock { state in
            if let known = state.touch(id) { return known }
            state.variants[id] = Entry(variant: variant)
            // Used before idle ones are forgotten, or it would be the idlest.
            let used = state.touch(id) ?? variant
            state.forgetEmptyVariants(beyond: 1024)
            return used
        }
    }

    /// Builds everything that the variant touches, and says whether it was all there before.
    ///
    /// - Throws: `overBudget` if its merged tensors cannot be resident together.
    package func makeResident(_ variant: Variant, pin: Bool) throws(EngineError) -> Bool {
        try checkRoom(for: variant)
        let wasReady = info(variant.id)?.state == .ready
        if pin { self.pin(variant.id) }
        for tensor in variant.model.plan.touched.sorted() {
            do {
                _ = try mergedTensor(tensor, of: variant)
            } catch {
                throw .merge(error)
            }
        }
        return wasReady
    }

    /// - Throws: `overBudget` if its merged tensors do not fit beside the variants that are pinned.
    package func checkRoom(for variant: Variant) throws(EngineError) {
        let taken = state.withLock { state in
            state.variants.reduce(0) { sum, item in
                item.value.pinned && item.key != variant.id ? sum + item.value.variant.mergedBytes : sum
            }
        }
        let room = max(0, budget - taken)
        guard variant.mergedBytes <= room else { throw .overBudget(bytes: variant.mergedBytes, budget: room) }
    }

    /// A merged tensor of a variant: from memory, from a build under way, or built now.
    package func mergedTensor(_ index: Int, of variant: Variant) throws(MergeError) -> MergedTensor {
        enum Found {
            case ready(MergedTensor)
            case wait(Build)
            case build(Build)
        }
        let members = variant.model.plan.cluster(of: index)
        let found: Found = state.withLock { state in
            if let tensor = state.variants[variant.id]?.tensors[index] { return .ready(tensor) }
            if let build = state.variants[variant.id]?.builds[index] { return .wait(build) }
            let build = Build()
            build.group.enter()
            for member in members { state.variants[variant.id]?.builds[member] = build }
            return .build(build)
        }
        switch found {
        case .ready(let tensor): return tensor
        case .wait(let build):
            build.group.wait()
            return try Self.tensor(index, in: build)
        case .build(let build):
            run(build, index, members, variant)
            return try Self.tensor(index, in: build)
        }
    }

    private static func tensor(_ index: Int, in build: Build) throws(MergeError) -> MergedTensor {
        let tensors = try build.result.withLock { $0 }?.get()
        guard let tensor = tensors?[index] else { preconditionFailure("a build ends with a result for its tensors") }
        return tensor
    }

    private func run(_ build: Build, _ index: Int, _ members: [Int], _ variant: Variant) {
        slots.wait()
        let start = DispatchTime.now().uptimeNanoseconds
        let result = Result { () throws(MergeError) in
            try TensorMerger(plan: variant.model.plan, pool: pool).merge(index, as: variant.model.outputType)
        }
        slots.signal()
        let elapsed = DispatchTime.now().uptimeNanoseconds - start
        build.result.withLock { $0 = result }
        state.withLock { state in
            // A variant that was let go meanwhile, and perhaps asked for again, has no part in this build.
            guard state.variants[variant.id]?.builds[index] === build else { return }
            for member in members { state.variants[variant.id]?.builds[member] = nil }
            state.variants[variant.id]?.mergeNanoseconds += elapsed
            if case .success(let tensors) = result { state.keep(tensors, of: variant.id, budget: budget) }
        }
        build.group.leave()
    }

    /// Frees what the variant holds; requests that use its tensors keep those until they end.
    ///
    /// - Returns: false if there is none of that id.
    package func remove(_ id: String) -> Bool {
        state.withLock { state in
            guard let entry = state.variants.removeValue(forKey: id) else { return false }
            state.bytes -= entry.bytes
            return true
        }
    }

    /// Keeps the variant's tensors, however long it is not used.
    package func pin(_ id: String) { state.withLock { $0.variants[id]?.pinned = true } }

    package func variant(_ id: String) -> Variant? { state.withLock { $0.variants[id]?.variant } }

    /// What is known of a variant that has been asked for.
    package func info(_ id: String) -> VariantInfo? { state.withLock { $0.variants[id].map(Self.info) } }

    /// All variants with tensors in memory or on the way there, the last used first.
    package func all() -> [VariantInfo] {
        state.withLock { state in
            state.variants.values.filter {
                !$0.tensors.isEmpty || !$0.builds.isEmpty || $0.variant.mergedBytes == 0 || $0.pinned
            }
            .sorted { $0.lastUsed > $1.lastUsed }.map(Self.info)
        }
    }

    package var bytes: Int { state.withLock { $0.bytes } }

    private static func info(_ entry: Entry) -> VariantInfo {
        let total = entry.variant.model.plan.touched.count
        return VariantInfo(
            variant: entry.variant,
            state: entry.tensors.count == total ? .ready : entry.builds.isEmpty ? .partial : .merging,
            residentBytes: entry.bytes,
            residentTensors: entry.tensors.count, touchedTensors: total,
            mergeMilliseconds: Double(entry.mergeNanoseconds) / 1e6, hits: entry.hits, pinned: entry.pinned,
            lastUsed: entry.lastUsedTime)
    }
}

extension VariantCache.State {
    fileprivate mutating func touch(_ id: String) -> Variant? {
        guard variants[id] != nil else { return nil }
        clock += 1
        variants[id]?.lastUsed = clock
        variants[id]?.lastUsedTime = .now
        variants[id]?.hits += 1
        return variants[id]?.variant
    }

    /// Stores tensors if there is, or can be made, room for them.
    fileprivate mutating func keep(_ tensors: [Int: MergedTensor], of id: String, budget: Int) {
        let needed = tensors.values.reduce(0) { $0 + $1.byteCount }
        while bytes + needed > budget, let victim = oldest(except: id) { evict(victim) }
        guard bytes + needed <= budget else { return }
        variants[id]?.tensors.merge(tensors) { $1 }
        variants[id]?.bytes += needed
        bytes += needed
    }

    private func oldest(except id: String) -> String? {
        variants.filter { $0.key != id && !$0.value.pinned && $0.value.bytes > 0 }
            .min { $0.value.lastUsed < $1.value.lastUsed }?.key
    }

    private mutating func evict(_ id: String) {
        bytes -= variants[id]?.bytes ?? 0
        variants[id]?.tensors = [:]
        variants[id]?.bytes = 0
    }

    /// Records of variants that hold nothing cost little, but must not pile up.
    fileprivate mutating func forgetEmptyVariants(beyond limit: Int) {
        guard variants.count > limit else { return }
        let idle = variants.filter { $0.value.bytes == 0 && $0.value.builds.isEmpty && !$0.value.pinned }
            .sorted { $0.value.lastUsed < $1.value.lastUsed }
        for (id, _) in idle.prefix(variants.count - limit) { variants[id] = nil }
    }
}

/// The tensors of one variant, through the cache.
package struct CachedTensors: MergedTensorSource {
    private let cache: VariantCache
    private let variant: Variant

    package init(cache: VariantCache, variant: Variant) {
        self.cache = cache
        self.variant = variant
    }

    package func tensor(_ index: Int, of model: MergedModel) throws -> MergedTensor {
        try cache.mergedTensor(index, of: variant)
    }
}
