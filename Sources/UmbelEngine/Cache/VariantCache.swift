internal import Dispatch
internal import Synchronization
package import UmbelAdapters
package import UmbelTensor

/// Merged tensors in memory, by variant, within a budget of bytes.
///
/// A tensor is built once however many ask for it at the same time: the first builds, the others wait for it and get the
/// same value or the same error. A failed build is not remembered, and whoever stops waiting stops nobody else.
///
/// This is the shell: threads wait and compute here, what is decided is decided by `CacheState` and the policies below it.
package final class VariantCache: Sendable {
    private let pool: ComputePool
    /// Bytes of merged tensors and kept deltas together at most.
    package let budget: Int
    /// Bytes of kept deltas at most, as a part of `budget`.
    package let deltaBudget: Int
    /// As many merges at a time as there are threads, each of which holds a few copies of a tensor.
    private let slots: DispatchSemaphore
    private let state: Mutex<CacheState>
    /// What of the budget holds nothing may hold memory for the next variant.
    private let allowance = RecycledMemory.Allowance()
    /// Bytes let go since the heap was last trimmed.
    private let untrimmed = Mutex(0)
    /// What downloads may have merged before they can send it.
    let readAhead: ReadAhead
    private static let trimmedFrom = 4 << 20

    /// - Parameter deltaBudget: a quarter of the budget if it is nil.
    package init(pool: ComputePool, budget: Int, deltaBudget: Int? = nil) {
        self.pool = pool
        self.budget = budget
        self.deltaBudget = min(deltaBudget ?? budget / 4, budget)
        readAhead = ReadAhead(pool: pool)
        slots = DispatchSemaphore(value: pool.threads)
        state = Mutex(CacheState(budget: budget, deltaBudget: self.deltaBudget))
        allowance.set(budget)
    }

    /// Changes what is held. What is pushed out is let go behind the lock, when its memory may be kept already.
    private func change<Value>(_ body: (inout CacheState) -> sending Value) -> Value {
        let (value, released) = state.withLock { state in
            let value = body(&state)
            allowance.set(state.unused)
            return (value, state.takeReleased())
        }
        withExtendedLifetime(released) {}
        RecycledMemory.trim()
        return value
    }

    // MARK: Variants

    /// The variant of that id, registered if it was not. Counts as a use.
    package func use(_ id: String, make: () throws(EngineError) -> Variant) throws(EngineError) -> Variant {
        if let known = state.withLock({ $0.use(id) }) { return known }
        let variant = try make()
        return state.withLock { state in
            state.add(variant)
            // Used before idle ones are forgotten, or it would be the idlest.
            let used = state.use(id) ?? variant
            state.forgetIdle()
            return used
        }
    }

    /// What `makeResident` came to.
    package enum Residence: Sendable {
        /// Everything was in memory already.
        case present
        /// Something had to be merged.
        case made
        /// Too large to be in memory whole: nothing was merged, and downloads merge as they go.
        case streaming
    }

    /// Builds everything that the variant touches, if it can be in memory together.
    ///
    /// - Parameter pin: whether it is to be kept however long it is not used; nil leaves that as it is.
    /// - Throws: `overBudget` or `pinsFull` if it cannot be pinned; nothing is merged then.
    package func makeResident(_ variant: Variant, pin: Bool? = nil) throws(EngineError) -> Residence {
        let before = info(variant.id)
        if let pin { try setPinned(variant, pin) }
        if isStreaming(variant) { return .streaming }
        do {
            let order = ResidenceOrder(of: variant)
            try build(order.small, of: variant)
            for tensor in order.large { _ = try mergedTensor(tensor, of: variant) }
        } catch {
            // A pin on what cannot be merged would hold room for nothing.
            if pin == true { state.withLock { $0.unpin(variant.id) } }
            throw .merge(error)
        }
        return before?.state == .ready ? .present : .made
    }

    /// Too large to be in memory whole beside what is pinned?
    package func isStreaming(_ variant: Variant) -> Bool { state.withLock { $0.isStreaming(variant) } }

    /// Keeps the variant's tensors however long it is not used, or lets that be.
    ///
    /// - Throws: `overBudget` or `pinsFull` if the pins would leave less than a slot (`PinRule`).
    package func setPinned(_ variant: Variant, _ isPinned: Bool) throws(EngineError) {
        try state.withLock { state throws(EngineError) in try state.setPinned(variant, isPinned) }
    }

    /// Frees what the variant holds; requests that use its tensors keep those until they end.
    ///
    /// - Returns: false if there is none of that id.
    package func remove(_ id: String) -> Bool {
        guard let entry = change({ $0.remove(id) }) else { return false }
        trimHeap(after: entry.bytes)
        return true
    }

    /// Forgets all variants that hold nothing, and with them their hold on their adapters' factors.
    func forgetIdle() { state.withLock { $0.forgetIdle(beyond: 0) } }

    package func variant(_ id: String) -> Variant? { state.withLock { $0.variants[id]?.variant } }

    /// What is known of a variant that has been asked for.
    package func info(_ id: String) -> VariantInfo? {
        state.withLock { state in state.variants[id].map { state.info($0) } }
    }

    /// All variants with tensors in memory or on the way there, the last used first.
    package func all() -> [VariantInfo] {
        state.withLock { state in
            state.variants.values.filter {
                !$0.tensors.isEmpty || state.isBuilding($0.variant.id) || $0.variant.mergedBytes == 0 || $0.pinned
            }
            .sorted { $0.lastUsed > $1.lastUsed }.map { state.info($0) }
        }
    }

    /// Variants that will be made resident soon: what one of them adds at another strength than an other is worth keeping from
    /// the first on.
    package func expect(_ variants: [Variant]) {
        state.withLock { state in
            for step in variants.flatMap(\.model.plan.steps) {
                if let source = step.binding.source { state.deltas.note(source, step.strength) }
            }
        }
    }

    // MARK: Tensors

    /// A merged tensor of a variant: from memory, from a build under way, or built now.
    package func mergedTensor(_ index: Int, of variant: Variant) throws(MergeError) -> MergedTensor {
        let first = variant.model.plan.cluster(of: index).first ?? index
        let key = CacheState.BuildKey(variant: variant.id, tensor: first)
        switch state.withLock({ $0.find(index, key) }) {
        case .ready(let tensor): return tensor
        case .wait(let build):
            build.group.wait()
            state.withLock { $0.counters.waiting -= 1 }
            return try Self.tensor(index, in: build)
        case .build(let build):
            run(build, key, index, variant)
            return try Self.tensor(index, in: build)
        }
    }

    /// Builds small tensors side by side, each on one thread.
    ///
    /// - Parameter clusters: tensors that are computed together, together.
    /// - Throws: the error of the first of those that fail.
    private func build(_ clusters: [[Int]], of variant: Variant) throws(MergeError) {
        let failure = Mutex<(index: Int, error: MergeError)?>(nil)
        pool.forEach(clusters.count) { index in
            guard failure.withLock({ $0?.index ?? .max }) > index else { return }
            do throws(MergeError) {
                for tensor in clusters[index] { _ = try mergedTensor(tensor, of: variant) }
            } catch {
                failure.withLock { if $0?.index ?? .max > index { $0 = (index, error) } }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure.error }
    }

    private static func tensor(_ index: Int, in build: CacheState.Build) throws(MergeError) -> MergedTensor {
        let tensors = try build.result.withLock { $0 }?.get()
        guard let tensor = tensors?[index] else { preconditionFailure("a build ends with a result for its tensors") }
        return tensor
    }

    private func run(_ build: CacheState.Build, _ key: CacheState.BuildKey, _ index: Int, _ variant: Variant) {
        slots.wait()
        let start = DispatchTime.now().uptimeNanoseconds
        let result = Result { () throws(MergeError) in
            try TensorMerger(plan: variant.model.plan, pool: pool, deltas: self)
                .merge(index, as: variant.model.outputType)
        }
        slots.signal()
        let elapsed = DispatchTime.now().uptimeNanoseconds - start
        build.result.withLock { $0 = result }
        let freed = change { state in
            let before = state.counters.evictedBytes
            state.finish(key, result, nanoseconds: elapsed)
            return state.counters.evictedBytes - before
        }
        build.group.leave()
        trimHeap(after: freed)
    }

    /// Is the tensor in memory? Counts as no use.
    func holds(_ index: Int, of id: String) -> Bool { state.withLock { $0.variants[id]?.tensors[index] != nil } }

    // MARK: What it holds

    package var counters: CacheCounters { state.withLock { $0.counters } }

    /// Bytes of the merged tensors in the cache.
    package var bytes: Int { state.withLock { $0.eviction.bytes } }

    /// What the cache and the merges hold. `shared` is the bases' and not known here.
    package var memory: MemoryUse {
        var use = state.withLock { state in
            var use = MemoryUse()
            use.merged = state.eviction.bytes
            use.deltas = state.deltas.bytes
            return use
        }
        use.lent = max(0, MergedTensor.liveBytes - use.merged)
        use.adapters = FactorMemory.bytes
        use.spare = RecycledMemory.keptBytes
        return use
    }

    /// Kept deltas of adapters that are gone would only be in the way.
    ///
    /// - Parameter digests: of the adapters that are still there.
    func forgetDeltas(except digests: Set<String>) {
        change { state in
            state.deltas.remove { key in !digests.contains(String(key.source.prefix { $0 != "\n" })) }
        }
    }

    /// Small tensors lie in the C library's heap, which is trimmed when enough of it may have become free.
    private func trimHeap(after freed: Int) {
        guard freed > 0 else { return }
        let isDue = untrimmed.withLock { untrimmed in
            untrimmed += freed
            guard untrimmed >= Self.trimmedFrom else { return false }
            untrimmed = 0
            return true
        }
        if isDue { HeapMemory.trim() }
    }

    // MARK: Checking

    /// All variants with the tensors that are in memory now.
    func residents() -> [(variant: Variant, tensors: [Int: MergedTensor])] {
        state.withLock { state in
            state.variants.values.filter { !$0.tensors.isEmpty }.sorted { $0.variant.id < $1.variant.id }
                .map { ($0.variant, $0.tensors) }
        }
    }

    /// The kept deltas of now.
    func keptDeltas() -> [DeltaKey: KeptDeltas.Item] { state.withLock { $0.deltas.items } }

    /// Lets tensors go that are not what they must be, so that they are merged anew.
    func drop(_ tensors: [Int: MergedTensor], of id: String) { change { $0.drop(tensors, of: id) } }

    func drop(_ deltas: Set<DeltaKey>) { change { $0.deltas.remove(where: deltas.contains) } }

    /// Runs a merge beside those of requests, as one of them.
    func inSlot<Value>(_ body: () throws(MergeError) -> Value) throws(MergeError) -> Value {
        slots.wait()
        defer { slots.signal() }
        return try body()
    }
}

extension VariantCache: DeltaKeeper {
    package func values(of delta: any Delta, _ key: DeltaKey, strength: Double, pool: ComputePool) -> Matrix? {
        let answer = state.withLock { state in
            let answer = state.deltas.request(key, delta, strength: strength, room: state.deltaRoom)
            if case .kept = answer { state.counters.deltaHits += 1 }
            return answer
        }
        switch answer {
        case .kept(let values): return values
        case .notWanted: return nil
        case .wanted:
            let start = DispatchTime.now().uptimeNanoseconds
            let values = delta.values(pool: pool)
            let cost = Double(DispatchTime.now().uptimeNanoseconds - start)
            change { $0.deltas.keep(values, of: delta, key, cost: cost, room: $0.deltaRoom) }
            return values
        }
    }
}
