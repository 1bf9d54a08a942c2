internal import UmbelModels

/// The networks of the variants that drew last: a plain value. What a variant has for itself is bounded; what it shares with
/// its base is not counted here.
struct KeptNetworks {
    private struct Entry {
        let id: String
        let networks: DiffusionNetworks
        let layers: [LayerCache]

        /// Merged tensors that layers hold are nobody else's once the cache has let them go.
        var bytes: Int { layers.reduce(0) { $0 + $1.storedBytes } }
    }

    /// The last used last.
    private var entries: [Entry] = []

    /// Networks that take next to nothing are bounded as well.
    private static let most = 64

    mutating func use(_ id: String) -> DiffusionNetworks? {
        guard let index = entries.firstIndex(where: { $0.id == id }) else { return nil }
        let entry = entries.remove(at: index)
        entries.append(entry)
        return entry.networks
    }

    /// - Parameter layers: those that the variant has for itself.
    mutating func insert(_ id: String, _ networks: DiffusionNetworks, layers: [LayerCache]) {
        remove(id)
        entries.append(Entry(id: id, networks: networks, layers: layers))
    }

    mutating func remove(_ id: String) { entries.removeAll { $0.id == id } }

    /// Lets the networks go that were not used for longest, until those that are left take no more than `bytes`.
    mutating func trim(to bytes: Int) {
        var sum = entries.reduce(0) { $0 + $1.bytes }
        while let first = entries.first, sum > bytes || entries.count > Self.most {
            sum -= first.bytes
            entries.removeFirst()
        }
    }

    var variants: [LayerMemory.Owned] {
        entries.filter { !$0.layers.isEmpty }.map { LayerMemory.Owned(id: $0.id, bytes: $0.bytes) }
    }
}
