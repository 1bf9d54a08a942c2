internal import Synchronization

/// Memory for large blocks of numbers that is used again for others of any size.
///
/// The first touch of a page costs several times the copy of it, and far more where a hypervisor has to find memory too. So
/// pages that are given back keep their memory as long as they are no more than a limit; what has to be fresh is populated by
/// all threads of a pool, in large pieces, before anybody computes into it.
///
/// A block takes an odd number of pages, so that blocks of one size, taken one after the other, begin at different offsets
/// modulo every power of two: streams at equal offsets push each other out of the caches (a kernel of three streams took twice as long).
final class PageArena: Sendable {
    private struct State {
        var free: FreePages
        /// Pages from the start that can be written to.
        var opened = 0
    }

    private let start: Addresses
    private let pageCount: Int
    private let state: Mutex<State>
    private let limit: Atomic<Int>
    /// Pages that are made usable together.
    private static let openedTogether = (64 << 20) / Pages.size
    /// Pages that one thread populates at a time: some tenths of a millisecond.
    private static let populatedTogether = (2 << 20) / Pages.size

    private struct Addresses: @unchecked Sendable {
        // Sendable: an address, of memory that is nobody's until it is taken.
        let start: UnsafeMutableRawPointer

        subscript(page: Int) -> UnsafeMutableRawPointer { start + page * Pages.size }
    }

    /// - Parameters:
    ///   - byteCount: addresses to reserve; halved until the system grants them.
    ///   - limit: bytes of free memory that are kept at most.
    /// - Returns: nil where the system grants none.
    init?(reserving byteCount: Int, limit: Int) {
        var count = Pages.count(holding: byteCount)
        var reserved: UnsafeMutableRawPointer?
        while reserved == nil, count >= Self.openedTogether {
            reserved = Pages.reserve(count * Pages.size)
            if reserved == nil { count /= 2 }
        }
        guard let reserved else { return nil }
        start = Addresses(start: reserved)
        pageCount = count
        state = Mutex(State(free: FreePages(count: count)))
        self.limit = Atomic(limit)
    }

    /// Bytes of memory that are kept and free.
    var keptBytes: Int { state.withLock { $0.free.residentCount } * Pages.size }

    /// Pages for so many bytes, all of them resident; nil if there are no addresses, or no memory, left.
    func take(byteCount: Int, pool: ComputePool?) -> Range<Int>? {
        let taken = state.withLock { state -> (pages: Range<Int>, fresh: [Range<Int>])? in
            guard let taken = state.free.take(Pages.count(holding: byteCount) | 1) else { return nil }
            guard open(upTo: taken.pages.upperBound, &state) else {
                give(taken, back: &state.free)
                return nil
            }
            return taken
        }
        guard let taken else { return nil }
        populate(taken.fresh, pool)
        return taken.pages
    }

    private func give(_ taken: (pages: Range<Int>, fresh: [Range<Int>]), back free: inout FreePages) {
        var page = taken.pages.lowerBound
        for fresh in taken.fresh {
            free.give(page..<fresh.lowerBound, isResident: true)
            free.give(fresh, isResident: false)
            page = fresh.upperBound
        }
        free.give(page..<taken.pages.upperBound, isResident: true)
    }

    private func open(upTo page: Int, _ state: inout State) -> Bool {
        guard page > state.opened else { return true }
        let end = min(pageCount, (page + Self.openedTogether - 1) / Self.openedTogether * Self.openedTogether)
        guard Pages.open(start[state.opened], (end - state.opened) * Pages.size) else { return false }
        state.opened = end
        return true
    }

    private func populate(_ fresh: [Range<Int>], _ pool: ComputePool?) {
        let pieces = fresh.flatMap { range in
            stride(from: range.lowerBound, to: range.upperBound, by: Self.populatedTogether).map {
                $0..<min(range.upperBound, $0 + Self.populatedTogether)
            }
        }
        let populate: @Sendable (Int) -> Void = { [start] in
            Pages.populate(start[pieces[$0].lowerBound], pieces[$0].count * Pages.size)
        }
        if let pool { pool.forEach(pieces.count, populate) } else { pieces.indices.forEach(populate) }
    }

    func address(of pages: Range<Int>) -> UnsafeMutableRawPointer { start[pages.lowerBound] }

    /// Pages that are used no more. Their memory is kept within the limit.
    func give(_ pages: Range<Int>) {
        release(
            state.withLock { state in
                state.free.give(pages, isResident: true)
                return state.free.takeSurplus(beyond: limit.load(ordering: .relaxed) / Pages.size)
            })
    }

    /// Bytes of free memory that are kept at most from now on. What is kept beyond stays until something is given back or
    /// `trim` is called.
    func setLimit(_ bytes: Int) { limit.store(bytes, ordering: .relaxed) }

    /// Gives memory back to the system that is free and beyond a number of bytes, or beyond the limit.
    func trim(to bytes: Int = .max) {
        release(
            state.withLock { state in
                state.free.takeSurplus(beyond: min(bytes, limit.load(ordering: .relaxed)) / Pages.size)
            })
    }

    /// Taken from the free pages meanwhile, so that nobody waits for the system.
    private func release(_ surplus: [Range<Int>]) {
        guard !surplus.isEmpty else { return }
        for pages in surplus {
            let isReleased = Pages.release(start[pages.lowerBound], pages.count * Pages.size)
            state.withLock { $0.free.give(pages, isResident: !isReleased) }
        }
    }

    /// Puts memory behind free pages until there are so many bytes of it, or as many as are kept at most. In small pieces, so
    /// that whoever needs memory meanwhile finds it.
    func prefault(_ byteCount: Int) {
        while true {
            let pages = state.withLock { state -> Range<Int>? in
                let wanted = min(byteCount, limit.load(ordering: .relaxed)) / Pages.size - state.free.residentCount
                let piece = state.free.takeFresh(upTo: min(wanted, Self.populatedTogether))
                guard let piece else { return nil }
                guard open(upTo: piece.upperBound, &state) else {
                    state.free.give(piece, isResident: false)
                    return nil
                }
                return piece
            }
            guard let pages else { return }
            populate([pages], nil)
            state.withLock { $0.free.give(pages, isResident: true) }
        }
    }
}
