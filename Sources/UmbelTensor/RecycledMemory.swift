internal import Synchronization

/// Memory for numbers that is given back and used again. The first touch of a fresh page costs several times the arithmetic
/// on it, and a merge needs the same few sizes over and over.
///
/// Blocks are mapped from the system rather than cut from the heap: what is not kept here is the process's no longer.
package enum RecycledMemory {
    package final class Block: @unchecked Sendable {
        // Sendable: whoever took the block owns what is there, and is the only one to change `touched`.
        package let start: UnsafeMutableRawPointer
        /// What was reserved, at least what was asked for.
        let capacity: Int
        /// Bytes from the start that the kernel may have given pages for; beyond, nobody has written.
        fileprivate var touched: Int
        private let isMapped: Bool

        fileprivate init(_ start: UnsafeMutableRawPointer, capacity: Int, touched: Int, isMapped: Bool) {
            self.start = start
            self.capacity = capacity
            self.touched = touched
            self.isMapped = isMapped
        }

        fileprivate func free() {
            if isMapped { Pages.unmap(start, capacity) } else { start.deallocate() }
        }

        /// Gives back the pages beyond `byteCount` that an earlier use needed: for what is going to stay.
        package func releaseSurplus(beyond byteCount: Int) {
            let needed = Pages.roundedUp(byteCount)
            guard isMapped, touched > needed else { return }
            Pages.release(start + needed, capacity - needed)
            touched = needed
        }
    }

    /// Bytes that are kept for later at most, for the whole process.
    package static let keptLimit = 128 << 20
    /// Smaller blocks are left to the C library, which keeps those itself. Larger ones have sizes of whole pages.
    private static let smallest = 64 << 10

    private struct Kept: Sendable {
        /// The oldest first.
        var blocks: [Block] = []
        var bytes = 0

        mutating func remove(at index: Int) -> Block {
            let block = blocks.remove(at: index)
            bytes -= block.touched
            return block
        }
    }

    private static let kept = Mutex(Kept())

    /// Bytes that are held for later now.
    package static var keptBytes: Int { kept.withLock { $0.bytes } }

    /// Uninitialised memory, aligned for every kernel.
    package static func take(byteCount: Int) -> Block {
        let capacity = capacity(for: byteCount)
        if capacity >= smallest {
            let used = kept.withLock { kept in
                kept.blocks.lastIndex { $0.capacity == capacity }.map { kept.remove(at: $0) }
            }
            if let used {
                used.touched = max(used.touched, byteCount)
                return used
            }
            if let start = Pages.map(capacity) {
                return Block(start, capacity: capacity, touched: byteCount, isMapped: true)
            }
        }
        return Block(
            .allocate(byteCount: capacity, alignment: 64), capacity: capacity, touched: byteCount, isMapped: false)
    }

    package static func give(_ block: Block) {
        guard block.capacity >= smallest, block.capacity <= keptLimit else { return block.free() }
        let surplus = kept.withLock { kept in
            kept.blocks.append(block)
            kept.bytes += block.touched
            var surplus: [Block] = []
            while kept.bytes > keptLimit { surplus.append(kept.remove(at: 0)) }
            return surplus
        }
        for block in surplus { block.free() }
    }

    /// Rounded up to one of four sizes between powers of two, so that blocks fit more than one use.
    private static func capacity(for byteCount: Int) -> Int {
        guard byteCount >= smallest else { return max(64, byteCount) }
        let step = 1 << max(0, Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount - 2)
        return (byteCount + step - 1) / step * step
    }
}
