internal import UmbelAdapters
internal import UmbelTensor

/// Values of additive patches in memory, and which adapters came at more than one strength. No threads, no locks.
struct KeptDeltas: Sendable {
    struct Item: Sendable {
        let delta: any Delta
        let values: Matrix
    }

    enum Answer {
        case kept(Matrix)
        /// To be written out and handed to `keep`.
        case wanted
        case notWanted
    }

    private struct Source {
        let firstStrength: Double
        /// Another strength followed.
        var isRepeated = false
    }

    private let policy: DeltaPolicy
    private var eviction = EvictionPolicy<DeltaKey>()
    private var sources: [String: Source] = [:]
    private(set) var items: [DeltaKey: Item] = [:]
    /// More sources are forgotten together: they come from requests.
    private static let sourceLimit = 4096

    init(policy: DeltaPolicy) {
        self.policy = policy
    }

    var bytes: Int { eviction.bytes }

    /// What to do about a patch that is merged at a strength.
    ///
    /// - Parameter room: bytes that kept values may take together now.
    mutating func request(_ key: DeltaKey, _ delta: any Delta, strength: Double, room: Int) -> Answer {
        note(key.source, strength)
        if let item = items[key] {
            eviction.use(key)
            return .kept(item.values)
        }
        let bytes = Self.bytes(of: delta)
        let isRepeated = sources[key.source]?.isRepeated ?? false
        guard bytes > 0, policy.keeps(work: delta.work, bytes: bytes, isRepeated: isRepeated) else {
            return .notWanted
        }
        var trial = eviction
        return makeRoom(for: bytes, room, key, &trial) == nil ? .notWanted : .wanted
    }

    /// Keeps values if there is, or can be made, room for them. Those of the same adapter do not push out each other.
    ///
    /// - Parameter cost: nanoseconds that writing them out took.
    mutating func keep(_ values: Matrix, of delta: any Delta, _ key: DeltaKey, cost: Double, room: Int) {
        guard items[key] == nil, let victims = makeRoom(for: Self.bytes(of: delta), room, key, &eviction) else {
            return
        }
        for victim in victims { items[victim] = nil }
        items[key] = Item(delta: delta, values: values)
        eviction.put(key, bytes: Self.bytes(of: delta), cost: cost)
    }

    private func makeRoom(
        for bytes: Int, _ room: Int, _ key: DeltaKey, _ eviction: inout EvictionPolicy<DeltaKey>
    ) -> [DeltaKey]? {
        eviction.makeRoom(for: bytes, within: min(room, policy.budget)) { $0.source == key.source }
    }

    /// Lets values go until they take at most this many bytes.
    ///
    /// - Returns: how many went.
    mutating func shrink(to bytes: Int) -> Int {
        let victims = eviction.makeRoom(for: 0, within: max(0, bytes)) ?? []
        for victim in victims { items[victim] = nil }
        return victims.count
    }

    mutating func remove(where isGone: (DeltaKey) -> Bool) {
        for key in items.keys.filter(isGone) {
            items[key] = nil
            eviction.remove(key)
        }
    }

    /// An adapter is, or will be, merged at a strength.
    mutating func note(_ source: String, _ strength: Double) {
        guard let known = sources[source] else {
            if sources.count >= Self.sourceLimit { sources.removeAll() }
            sources[source] = Source(firstStrength: strength)
            return
        }
        if known.firstStrength != strength { sources[source]?.isRepeated = true }
    }

    private static func bytes(of delta: any Delta) -> Int { delta.rows * delta.columns * MemoryLayout<Float>.stride }
}
