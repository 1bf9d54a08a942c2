import Dispatch
import Glibc
import Testing
import UmbelTesting

@testable import UmbelTensor

@Suite("Recycled memory")
struct RecycledMemoryTests {
    private let pool = ComputePool(threads: 2)

    private func arena(limit: Int) throws -> PageArena {
        try #require(PageArena(reserving: 1 << 30, limit: limit))
    }

    /// How many of the pages have memory behind them.
    private func resident(_ start: UnsafeMutableRawPointer, _ byteCount: Int) -> Int {
        var pages = [UInt8](repeating: 0, count: Pages.count(holding: byteCount))
        #expect(mincore(start, byteCount, &pages) == 0)
        return pages.count { $0 & 1 == 1 }
    }

    @Test("What several blocks leave is the memory of one large one, and the other way round")
    func recycling() throws {
        let arena = try arena(limit: 1 << 28)
        let small = try (0..<6).map { _ in try #require(arena.take(byteCount: 1 << 20, pool: pool)) }
        for pages in small {
            memset(arena.address(of: pages), 0xaa, 1 << 20)
            arena.give(pages)
        }
        let kept = arena.keptBytes
        #expect(kept >= 6 << 20)
        let large = try #require(arena.take(byteCount: 6 << 20, pool: pool))
        #expect(arena.address(of: large) == arena.address(of: small[0]))
        #expect(arena.keptBytes == kept - large.count * Pages.size)
        // Nothing was fetched from the system, which would be zeros.
        #expect(arena.address(of: large).load(fromByteOffset: 3 << 20, as: UInt8.self) == 0xaa)
        arena.give(large)
        let odd = try #require(arena.take(byteCount: 777_777, pool: pool))
        #expect(arena.address(of: odd) == arena.address(of: small[0]))
    }

    @Test("No more is kept than the limit, and what is given to the system is gone")
    func bounded() throws {
        let arena = try arena(limit: 1 << 20)
        let pages = try #require(arena.take(byteCount: 8 << 20, pool: pool))
        let start = arena.address(of: pages)
        memset(start, 0xaa, 8 << 20)
        arena.give(pages)
        #expect(arena.keptBytes == 1 << 20)
        #expect(resident(start, 8 << 20) == (1 << 20) / Pages.size)
        let again = try #require(arena.take(byteCount: 8 << 20, pool: pool))
        #expect(arena.address(of: again) == start)
        #expect(start.load(as: UInt8.self) == 0xaa)
        #expect(start.load(fromByteOffset: 7 << 20, as: UInt8.self) == 0)
    }

    @Test("A limit that falls holds from the next trim on, one that rises at once")
    func limits() throws {
        let arena = try arena(limit: 0)
        arena.setLimit(16 << 20)
        arena.give(try #require(arena.take(byteCount: 8 << 20, pool: pool)))
        #expect(arena.keptBytes >= 8 << 20)
        arena.setLimit(2 << 20)
        arena.trim()
        #expect(arena.keptBytes == 2 << 20)
        arena.trim(to: 0)
        #expect(arena.keptBytes == 0)
        #expect(arena.take(byteCount: 2 << 30, pool: pool) == nil, "there are not so many addresses")
    }

    @Test("A block has all its pages before anybody writes to it", arguments: [1, 3])
    func populated(threads: Int) throws {
        let arena = try arena(limit: 1 << 28)
        let pages = try #require(arena.take(byteCount: 9 << 20, pool: ComputePool(threads: threads)))
        #expect(resident(arena.address(of: pages), 9 << 20) == (9 << 20) / Pages.size)
        let single = try #require(arena.take(byteCount: 3 << 20, pool: nil))
        #expect(resident(arena.address(of: single), 3 << 20) == (3 << 20) / Pages.size)
    }

    @Test("Where the kernel cannot populate, one write a page does")
    func touching() throws {
        let start = try #require(Pages.reserve(1 << 20))
        defer { munmap(start, 1 << 20) }
        try #require(Pages.open(start, 1 << 20))
        #expect(resident(start, 1 << 20) == 0)
        Pages.touch(start, 1 << 19)
        #expect(resident(start, 1 << 20) == (1 << 19) / Pages.size)
    }

    @Test("Memory that is made ready is the memory of the next block, within the limit")
    func prefault() throws {
        let arena = try arena(limit: 20 << 20)
        arena.prefault(12 << 20)
        #expect(arena.keptBytes == 12 << 20)
        arena.prefault(12 << 20)
        #expect(arena.keptBytes == 12 << 20, "it is there already")
        arena.prefault(1 << 29)
        #expect(arena.keptBytes == 20 << 20)
        let pages = try #require(arena.take(byteCount: 10 << 20, pool: pool))
        #expect(arena.keptBytes == (20 << 20) - pages.count * Pages.size)
    }

    @Test(
        "Blocks of one size begin at different offsets modulo powers of two", arguments: [1 << 16, 1 << 20, 1 << 22])
    func staggered(byteCount: Int) throws {
        let arena = try arena(limit: 0)
        let starts = try (0..<24).map { _ in
            Int(bitPattern: arena.address(of: try #require(arena.take(byteCount: byteCount, pool: nil))))
        }
        for modulus in [1 << 17, 1 << 20, 1 << 30] where modulus >= byteCount {
            #expect(Set(starts.map { $0 % modulus }).count == starts.count, "modulo \(modulus)")
        }
        // Neighbours, which are read and written together, differ even within a small cache.
        #expect(zip(starts, starts.dropFirst()).allSatisfy { $0 % (1 << 14) != $1 % (1 << 14) })
    }

    @Test("Every block begins at a cache line", arguments: [0, 1, 63, 64, 65, 4097, 65_535, 65_536, 65_537, 1_000_001])
    func alignment(byteCount: Int) {
        let blocks = (0..<5).map { _ in RecycledMemory.take(byteCount: byteCount, pool: pool) }
        for block in blocks {
            #expect(Int(bitPattern: block.start) % 64 == 0)
            memset(block.start, 1, byteCount)
        }
        for block in blocks { RecycledMemory.give(block) }
    }

    @Test("Many threads take and give, and no block is anybody else's")
    func threads() throws {
        let arena = try arena(limit: 4 << 20)
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            var generator = SeededGenerator(seed: UInt64(thread))
            for _ in 0..<200 {
                let byteCount = Int.random(in: 1 << 16...1 << 20, using: &generator)
                guard let pages = arena.take(byteCount: byteCount, pool: nil) else {
                    Issue.record("there are addresses enough")
                    return
                }
                let start = arena.address(of: pages)
                memset(start, Int32(thread + 1), byteCount)
                sched_yield()
                for offset in [0, byteCount / 2, byteCount - 1] {
                    #expect(start.load(fromByteOffset: offset, as: UInt8.self) == UInt8(thread + 1))
                }
                arena.give(pages)
            }
        }
        #expect(arena.keptBytes <= 4 << 20)
    }

    @Test("A tile's matrix is the memory of the tile before it on the same thread")
    func scratch() {
        func address() -> UnsafeMutablePointer<Float> { Matrix(rows: 129, columns: 257).start }
        let first = address()
        #expect(address() == first)
        // Both are used at the same time.
        let (one, two) = (Matrix(rows: 129, columns: 257), Matrix(rows: 129, columns: 257))
        #expect(one.start != two.start)
    }

    @Test("What threads keep for themselves is bounded together, and comes back when they end")
    func threadBlocks() {
        let (filled, leave) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let count = 64
        let body = ThreadBody {
            for side in [250, 251, 252, 253, 254] { _ = Matrix(rows: side, columns: 256).start }
            filled.signal()
            leave.wait()
        }
        let threads = (0..<count).compactMap { _ in body.start() }
        #expect(threads.count == count)
        for _ in threads { filled.wait() }
        let kept = ThreadBlocks.keptBytes
        for _ in threads { leave.signal() }
        for thread in threads { pthread_join(thread, nil) }
        #expect(kept <= ThreadBlocks.processLimit, "64 threads would have kept twice as much")
        #expect(kept > ThreadBlocks.processLimit / 2)
        #expect(ThreadBlocks.keptBytes < ThreadBlocks.processLimit / 2, "only other tests' threads have some")
    }

    private final class ThreadBody: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }

        func start() -> pthread_t? {
            var thread = pthread_t()
            let code = pthread_create(
                &thread, nil,
                {
                    if let argument = $0 { Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run() }
                    return nil
                }, Unmanaged.passRetained(self).toOpaque())
            return code == 0 ? thread : nil
        }
    }
}
