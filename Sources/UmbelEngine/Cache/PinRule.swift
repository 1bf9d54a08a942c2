/// How much may be pinned: all of the budget but one slot, so that pins never stop the service from holding anything else.
///
/// The slot is room for the largest unpinned variant that is in memory, and never less than the variant that is to be pinned
/// itself. SGLang has the same rule in units of whole adapters: at most `max_loras_per_batch − 1` pins.
package struct PinRule: Hashable, Sendable {
    /// Bytes of the cache.
    package let budget: Int
    /// Bytes of the merged tensors of all variants that are pinned, the one in question left out.
    package let pinned: Int

    package init(budget: Int, pinned: Int) {
        self.budget = budget
        self.pinned = pinned
    }

    /// Bytes that an unpinned variant can have at most to be in memory whole.
    package var room: Int { max(0, budget - pinned) }

    /// - Parameters:
    ///   - bytes: of the merged tensors of the variant to be pinned.
    ///   - unpinned: of those of the other variants in memory; what is too large to be there whole has no claim to room.
    /// - Returns: bytes that must stay unpinned.
    package func slot(for bytes: Int, beside unpinned: [Int]) -> Int {
        unpinned.filter { $0 <= room }.reduce(bytes) { max($0, $1) }
    }

    /// May a variant of `bytes` be pinned beside the others in memory? One that shares everything always may.
    package func permits(_ bytes: Int, beside unpinned: [Int]) -> Bool {
        bytes == 0 || pinned + bytes + slot(for: bytes, beside: unpinned) <= budget
    }
}
