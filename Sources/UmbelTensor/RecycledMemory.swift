internal import Synchronization

/// Memory for numbers that is given back and used again. The first touch of a fresh page costs several times the arithmetic
/// on it, so what one merged tensor leaves is kept for the next, of whatever shape.
package enum RecycledMemory {
    /// Some bytes in a row, aligned to a cache line at least, of which nobody knows what is in them.
    package final class Block: @unchecked Sendable {
        // Sendable: an address; whoever took the block owns what is there.
        package let start: UnsafeMutableRawPointer
        package let byteCount: Int
        /// nil for a block of the C library's heap.
        fileprivate let pages: Range<Int>?

        fileprivate init(_ start: UnsafeMutableRawPointer, byteCount: Int, pages: Range<Int>?) {
            self.start = start
            self.byteCount = byteCount
            self.pages = pages
        }
    }

    /// Bytes that are kept for later at most, for the whole process, beside what is allowed (`Allowance`).
    package static let keptLimit = 128 << 20
    /// Smaller blocks are left to the C library, which keeps those itself.
    package static let smallest = 64 << 10

    private static let allowed = Mutex(0)
    /// Addresses enough for twice the machine's memory: what is in use lies together at their low end.
    private static let arena = PageArena(
        reserving: 2 * Pages.machineBytes, limit: keptLimit - ThreadBlocks.processLimit)

    /// Bytes that are held for later now.
    package static var keptBytes: Int { (arena?.keptBytes ?? 0) + ThreadBlocks.keptBytes }

    /// Uninitialised memory, aligned for every kernel; large blocks have all their pages.
    ///
    /// - Parameter pool: whose threads populate pages that are fresh; nil for the calling thread alone.
    package static func take(byteCount: Int, pool: ComputePool? = nil) -> Block {
        if byteCount >= smallest, let arena, let pages = arena.take(byteCount: byteCount, pool: pool) {
            return Block(arena.address(of: pages), byteCount: byteCount, pages: pages)
        }
        return Block(
            .allocate(byteCount: max(64, byteCount), alignment: 64), byteCount: byteCount, pages: nil)
    }

    package static func give(_ block: Block) {
        if let pages = block.pages { arena?.give(pages) } else { block.start.deallocate() }
    }

    /// Gives memory that is held for later back to the system until at most this many bytes of it are left.
    package static func release(keeping bytes: Int = 0) { arena?.trim(to: bytes) }

    /// Makes memory ready for later, as far as it may be kept. Takes a second for some gigabytes.
    package static func prefault(_ byteCount: Int) { arena?.prefault(byteCount) }

    /// Room for memory that is kept, from somebody with a budget: what a cache may hold and does not.
    package final class Allowance: Sendable {
        private let bytes = Atomic(0)

        package init() {}

        deinit { set(0) }

        /// From now on. What is kept beyond stays until memory is given back or `trim` is called.
        package func set(_ bytes: Int) {
            RecycledMemory.allowed.withLock { allowed in
                allowed += bytes - self.bytes.exchange(bytes, ordering: .relaxed)
                RecycledMemory.arena?.setLimit(keptLimit - ThreadBlocks.processLimit + allowed)
            }
        }
    }

    /// Gives back what is kept beyond what is allowed by now.
    package static func trim() { arena?.trim() }
}
