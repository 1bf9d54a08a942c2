internal import Glibc
internal import Synchronization

/// Blocks of scratch memory that a thread keeps for itself, because each tile of a tensor needs the same few: taking one of
/// these asks nobody, and it is in this processor's cache.
final class ThreadBlocks {
    /// Larger blocks are needed once a tensor, not once a tile.
    private static let largest = 512 << 10
    /// Bytes for one thread.
    private static let threadLimit = 1 << 20
    /// Bytes for all threads together.
    static let processLimit = 32 << 20
    private static let kept = Atomic(0)

    /// Bytes that all threads keep now.
    static var keptBytes: Int { kept.load(ordering: .relaxed) }

    private static let key: pthread_key_t? = {
        var key = pthread_key_t()
        let code = pthread_key_create(&key) { pointer in
            if let pointer { Unmanaged<ThreadBlocks>.fromOpaque(pointer).takeRetainedValue().giveAll() }
        }
        return code == 0 ? key : nil
    }()

    /// Those of the calling thread, which gives them back when it ends.
    private static var own: ThreadBlocks? {
        guard let key else { return nil }
        if let known = pthread_getspecific(key) {
            return Unmanaged<ThreadBlocks>.fromOpaque(known).takeUnretainedValue()
        }
        let new = Unmanaged.passRetained(ThreadBlocks())
        guard pthread_setspecific(key, new.toOpaque()) == 0 else {
            new.release()
            return nil
        }
        return new.takeUnretainedValue()
    }

    /// The last given last.
    private var blocks: [RecycledMemory.Block] = []
    private var bytes = 0

    /// As `RecycledMemory.take`, from what the thread has if it has a block of just that size.
    static func take(byteCount: Int, pool: ComputePool? = nil) -> RecycledMemory.Block {
        guard byteCount >= RecycledMemory.smallest, byteCount <= largest, let own,
            let index = own.blocks.lastIndex(where: { $0.byteCount == byteCount })
        else { return RecycledMemory.take(byteCount: byteCount, pool: pool) }
        return own.remove(at: index)
    }

    /// As `RecycledMemory.give`, to the thread if it has room. The oldest go for it.
    static func give(_ block: RecycledMemory.Block) {
        guard block.byteCount >= RecycledMemory.smallest, block.byteCount <= largest, let own else {
            return RecycledMemory.give(block)
        }
        while own.bytes + block.byteCount > threadLimit { RecycledMemory.give(own.remove(at: 0)) }
        // Counted first, so that threads at the same time do not pass the limit together.
        guard kept.wrappingAdd(block.byteCount, ordering: .relaxed).newValue <= processLimit else {
            kept.wrappingSubtract(block.byteCount, ordering: .relaxed)
            return RecycledMemory.give(block)
        }
        own.blocks.append(block)
        own.bytes += block.byteCount
    }

    private func remove(at index: Int) -> RecycledMemory.Block {
        let block = blocks.remove(at: index)
        bytes -= block.byteCount
        Self.kept.wrappingSubtract(block.byteCount, ordering: .relaxed)
        return block
    }

    private func giveAll() { while !blocks.isEmpty { RecycledMemory.give(remove(at: 0)) } }
}
