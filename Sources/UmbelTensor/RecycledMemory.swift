internal import Synchronization

/// Memory for numbers that is given back and used again. The first touch of a fresh page costs several times the arithmetic
/// on it, and a merge needs the same few sizes over and over.
package enum RecycledMemory {
    package struct Block: @unchecked Sendable {
        // Sendable: only an address; whoever took the block owns what is there.
        package let start: UnsafeMutableRawPointer
        /// What was reserved, at least what was asked for.
        let capacity: Int
    }

    /// Bytes that are kept for later at most, for the whole process.
    package static let keptLimit = 128 << 20
    /// Smaller blocks are left to the C library, which keeps those itself.
    private static let smallest = 64 << 10

    private struct Kept: Sendable {
        /// The oldest first.
        var blocks: [Block] = []
        var bytes = 0

        mutating func remove(at index: Int) -> Block {
            let block = blocks.remove(at: index)
            bytes -= block.capacity
            return block
        }
    }

    private static let kept = Mutex(Kept())

    /// Uninitialised memory, aligned for every kernel.
    package static func take(byteCount: Int) -> Block {
        let capacity = capacity(for: byteCount)
        if capacity >= smallest {
            let used = kept.withLock { kept in
                kept.blocks.lastIndex { $0.capacity == capacity }.map { kept.remove(at: $0) }
            }
            if let used { return used }
        }
        return Block(start: .allocate(byteCount: capacity, alignment: 64), capacity: capacity)
    }

    package static func give(_ block: Block) {
        guard block.capacity >= smallest, block.capacity <= keptLimit else { return block.start.deallocate() }
        let surplus = kept.withLock { kept in
            kept.blocks.append(block)
            kept.bytes += block.capacity
            var surplus: [Block] = []
            while kept.bytes > keptLimit { surplus.append(kept.remove(at: 0)) }
            return surplus
        }
        for block in surplus { block.start.deallocate() }
    }

    /// Rounded up to one of four sizes between powers of two, so that blocks fit more than one use.
    private static func capacity(for byteCount: Int) -> Int {
        guard byteCount >= smallest else { return max(64, byteCount) }
        let step = 1 << max(0, Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount - 2)
        return (byteCount + step - 1) / step * step
    }
}
