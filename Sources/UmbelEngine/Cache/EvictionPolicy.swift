/// What goes first when there is no room: GreedyDual-Size.
///
/// Every item has a priority H = L + cost / bytes, set when it is stored and whenever it is used. The item of lowest H goes
/// first, and L becomes its H, so that what is not used is overtaken by what is. Cheap and large things go before dear and
/// small ones, and nothing stays for ever because it was dear once.
///
/// Source: P. Cao, S. Irani, “Cost-Aware WWW Proxy Caching Algorithms”, USENIX Symposium on Internet Technologies and
/// Systems 1997, section 4. Items of equal H go in the order of their last use.
package struct EvictionPolicy<Key: Hashable & Sendable>: Sendable {
    private struct Item: Sendable {
        var bytes: Int
        /// Of building it again, in any unit that is the same for all.
        var cost: Double
        var priority: Double
        var lastUse: Int
    }

    private var items: [Key: Item] = [:]
    /// L: the priority of what went last.
    private var inflation = 0.0
    private var uses = 0
    /// Bytes of all items.
    package private(set) var bytes = 0

    package init() {}

    /// An item is there with this size and cost from now on. Counts as a use.
    ///
    /// - Precondition: `bytes` is more than 0.
    package mutating func put(_ key: Key, bytes: Int, cost: Double) {
        precondition(bytes > 0 && cost >= 0)
        self.bytes += bytes - (items[key]?.bytes ?? 0)
        items[key] = Item(bytes: bytes, cost: cost, priority: 0, lastUse: 0)
        use(key)
    }

    /// The item was of use again.
    package mutating func use(_ key: Key) {
        guard let item = items[key] else { return }
        uses += 1
        items[key]?.priority = inflation + item.cost / Double(item.bytes)
        items[key]?.lastUse = uses
    }

    /// The item is gone for a reason of its own.
    package mutating func remove(_ key: Key) {
        bytes -= items.removeValue(forKey: key)?.bytes ?? 0
    }

    /// Removes what has to go so that `needed` bytes more fit into `budget`.
    ///
    /// - Parameter isKept: items that stay, whatever it takes.
    /// - Returns: what was removed, the first to go first; nil, with nothing removed, if all of it would not be enough.
    package mutating func makeRoom(for needed: Int, within budget: Int, keeping isKept: (Key) -> Bool = { _ in false })
        -> [Key]?
    {
        var surplus = bytes + needed - budget
        guard surplus > 0 else { return [] }
        var victims: [Key] = []
        for (key, item) in items.filter({ !isKept($0.key) }).sorted(by: { Self.goesBefore($0.value, $1.value) }) {
            victims.append(key)
            surplus -= item.bytes
            if surplus <= 0 { break }
        }
        guard surplus <= 0 else { return nil }
        for victim in victims {
            inflation = max(inflation, items[victim]?.priority ?? 0)
            remove(victim)
        }
        return victims
    }

    private static func goesBefore(_ first: Item, _ second: Item) -> Bool {
        (first.priority, first.lastUse) < (second.priority, second.lastUse)
    }
}
