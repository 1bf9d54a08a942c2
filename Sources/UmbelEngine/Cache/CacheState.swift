internal import Dispatch
internal import Synchronization
internal import UmbelAdapters
internal import UmbelRegistry

/// What a cache knows: variants with their tensors, merges under way, kept deltas. A plain value, so that every decision
/// about room is made in one step under the cache's lock.
struct CacheState: Sendable {
    struct Entry: Sendable {
        let variant: Variant
        var tensors: [Int: MergedTensor] = [:]
        var bytes = 0
        /// Of all merges of the variant so far.
        var mergeNanoseconds: UInt64 = 0
        /// Nanoseconds that the merges of what is in memory took.
        var cost = 0.0
        var hits = 0
        var pinned = false
        var lastUsed = 0
        var lastUsedTime = Date.now
    }

    /// A merge belongs to the recipe, not to the entry: it goes on, and others may join it, though the variant was let go.
    struct BuildKey: Hashable {
        let variant: String
        /// The first tensor of those that are computed together.
        let tensor: Int
    }

    /// A merge under way; the result is set once before the group is left.
    final class Build: Sendable {
        let group = DispatchGroup()
        let result = Mutex<Result<[Int: MergedTensor], MergeError>?>(nil)
    }

    enum Found {
        case ready(MergedTensor)
        case wait(Build)
        case build(Build)
    }

    let budget: Int
    private(set) var variants: [String: Entry] = [:]
    private(set) var builds: [BuildKey: Build] = [:]
    private(set) var eviction = EvictionPolicy<String>()
    var deltas: KeptDeltas
    var counters = CacheCounters()
    /// What was pushed out and is to be let go where nobody waits for it.
    private var released: [[Int: MergedTensor]] = []
    private var uses = 0
    /// Variants that are remembered though they hold nothing.
    private static let idleLimit = 128

    init(budget: Int, deltaBudget: Int) {
        self.budget = budget
        deltas = KeptDeltas(policy: DeltaPolicy(budget: deltaBudget))
    }

    // MARK: Variants

    mutating func use(_ id: String) -> Variant? {
        guard variants[id] != nil else { return nil }
        uses += 1
        variants[id]?.lastUsed = uses
        variants[id]?.lastUsedTime = .now
        variants[id]?.hits += 1
        eviction.use(id)
        return variants[id]?.variant
    }

    /// Registers a variant that is not there.
    mutating func add(_ variant: Variant) {
        guard variants[variant.id] == nil else { return }
        variants[variant.id] = Entry(variant: variant)
    }

    mutating func remove(_ id: String) -> Entry? {
        eviction.remove(id)
        return variants.removeValue(forKey: id)
    }

    /// Forgets variants that hold nothing, those used longest ago first, until few enough of them are left.
    mutating func forgetIdle(beyond limit: Int = CacheState.idleLimit) {
        // Most often there is nothing to do.
        guard variants.count > limit else { return }
        let idle = variants.filter { $0.value.bytes == 0 && !isBuilding($0.key) && !$0.value.pinned }
            .sorted { $0.value.lastUsed < $1.value.lastUsed }
        for (id, _) in idle.prefix(max(0, idle.count - limit)) { variants[id] = nil }
    }

    func isBuilding(_ id: String) -> Bool { builds.keys.contains { $0.variant == id } }

    // MARK: Pins

    func pinRule(for id: String) -> PinRule {
        let pinned = variants.values.filter { $0.pinned && $0.variant.id != id }
        return PinRule(budget: budget, pinned: pinned.reduce(0) { $0 + $1.variant.mergedBytes })
    }

    /// Can the variant never be in memory whole, as things stand?
    func isStreaming(_ variant: Variant) -> Bool { variant.mergedBytes > pinRule(for: variant.id).room }

    mutating func setPinned(_ variant: Variant, _ isPinned: Bool) throws(EngineError) {
        guard isPinned, variants[variant.id]?.pinned != true else {
            variants[variant.id]?.pinned = isPinned
            return
        }
        let rule = pinRule(for: variant.id)
        let others = variants.values.filter { $0.bytes > 0 && !$0.pinned && $0.variant.id != variant.id }
            .map(\.variant.mergedBytes)
        let bytes = variant.mergedBytes
        guard rule.permits(bytes, beside: others) else {
            if 2 * bytes > budget { throw .overBudget(bytes: bytes, budget: budget / 2) }
            throw .pinsFull(
                bytes: bytes, pinned: rule.pinned, slot: rule.slot(for: bytes, beside: others), budget: budget)
        }
        add(variant)
        variants[variant.id]?.pinned = true
    }

    mutating func unpin(_ id: String) { variants[id]?.pinned = false }

    // MARK: Tensors

    /// Where a tensor comes from: memory, a merge under way, or one that the caller is to make.
    mutating func find(_ tensor: Int, _ key: BuildKey) -> Found {
        if let tensor = variants[key.variant]?.tensors[tensor] {
            counters.hits += 1
            return .ready(tensor)
        }
        if let build = builds[key] {
            counters.joined += 1
            counters.waiting += 1
            return .wait(build)
        }
        counters.misses += 1
        counters.running += 1
        let build = Build()
        build.group.enter()
        builds[key] = build
        return .build(build)
    }

    /// A merge has ended: its tensors are kept where there is room.
    mutating func finish(_ key: BuildKey, _ result: Result<[Int: MergedTensor], MergeError>, nanoseconds: UInt64) {
        builds[key] = nil
        counters.running -= 1
        counters.builds += 1
        variants[key.variant]?.mergeNanoseconds += nanoseconds
        switch result {
        case .success(let tensors): keep(tensors, of: key.variant, cost: Double(nanoseconds))
        case .failure: counters.failedBuilds += 1
        }
    }

    private mutating func keep(_ tensors: [Int: MergedTensor], of id: String, cost: Double) {
        // Of tensors that are computed together, some may be there still.
        let tensors = tensors.filter { variants[id]?.tensors[$0.key] == nil }
        let needed = tensors.values.reduce(0) { $0 + $1.byteCount }
        guard let variant = variants[id]?.variant, makeRoom(for: needed, variant) else {
            counters.unkeptBytes += needed
            return
        }
        variants[id]?.tensors.merge(tensors) { $1 }
        variants[id]?.bytes += needed
        variants[id]?.cost += cost
        putInEviction(id)
    }

    private mutating func putInEviction(_ id: String) {
        let (bytes, cost) = (variants[id]?.bytes ?? 0, variants[id]?.cost ?? 0)
        if bytes > 0 { eviction.put(id, bytes: bytes, cost: cost) } else { eviction.remove(id) }
    }

    /// Makes room for more tensors of a variant: kept deltas go first, then other variants whole.
    ///
    /// - Returns: false, with nothing pushed out, if there can be none.
    private mutating func makeRoom(for needed: Int, _ variant: Variant) -> Bool {
        if eviction.bytes + deltas.bytes + needed <= budget { return true }
        // What can never be there whole takes what is free and pushes out nobody.
        guard !isStreaming(variant) else { return false }
        let id = variant.id
        let pinned = Set(variants.values.filter(\.pinned).map(\.variant.id))
        var trial = eviction
        guard let victims = trial.makeRoom(for: needed, within: budget, keeping: { $0 == id || pinned.contains($0) })
        else { return false }
        eviction = trial
        for victim in victims {
            counters.evictedBytes += variants[victim]?.bytes ?? 0
            if let tensors = variants[victim]?.tensors { released.append(tensors) }
            variants[victim]?.tensors = [:]
            variants[victim]?.bytes = 0
            variants[victim]?.cost = 0
        }
        counters.evictions += victims.count
        counters.deltaEvictions += deltas.shrink(to: budget - eviction.bytes - needed)
        return true
    }

    /// Hands over what was pushed out since the last time.
    mutating func takeReleased() -> [[Int: MergedTensor]] {
        defer { released = [] }
        return released
    }

    /// Bytes of the budget that hold nothing: room for memory that is kept to be used again.
    var unused: Int { max(0, budget - eviction.bytes - deltas.bytes) }

    /// Bytes that kept deltas may take together beside the merged tensors.
    var deltaRoom: Int { max(0, budget - eviction.bytes) }

    /// Lets single tensors go, unless they were replaced meanwhile.
    mutating func drop(_ tensors: [Int: MergedTensor], of id: String) {
        for (index, tensor) in tensors where variants[id]?.tensors[index] === tensor {
            variants[id]?.tensors[index] = nil
            variants[id]?.bytes -= tensor.byteCount
        }
        putInEviction(id)
    }
}

extension CacheState {
    /// A variant as a client sees it.
    func info(_ entry: Entry) -> VariantInfo {
        let total = entry.variant.model.plan.touched.count
        let state: VariantInfo.State =
            entry.tensors.count == total
            ? .ready : isBuilding(entry.variant.id) ? .merging : isStreaming(entry.variant) ? .streaming : .partial
        return VariantInfo(
            variant: entry.variant, state: state, residentBytes: entry.bytes, residentTensors: entry.tensors.count,
            touchedTensors: total, mergeMilliseconds: Double(entry.mergeNanoseconds) / 1e6, hits: entry.hits,
            pinned: entry.pinned, lastUsed: entry.lastUsedTime)
    }
}
