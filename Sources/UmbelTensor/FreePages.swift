/// Which pages of a reservation are free, and which of those have memory behind them. A plain value, in numbers of pages.
///
/// Free pages are kept as runs by address. A run is taken from the lowest place where it fits, resident pages first, and
/// memory is given back from the highest, so that what is in use and what is kept stay together at the low end. Neighbouring
/// runs join, so that what many tensors of one model leave can be cut into the tensors of any other.
struct FreePages: Sendable {
    struct Run: Hashable, Sendable {
        var pages: Range<Int>
        let isResident: Bool
    }

    /// By address; neighbours differ in kind or do not touch.
    private(set) var runs: [Run]
    /// Pages that are free and resident.
    private(set) var residentCount = 0

    /// - Parameter count: pages of the reservation, none of which is resident.
    init(count: Int) {
        runs = count > 0 ? [Run(pages: 0..<count, isResident: false)] : []
    }

    /// Takes `count` pages in a row; nil if there are none.
    ///
    /// - Returns: the pages, and those of them that are not resident.
    mutating func take(_ count: Int) -> (pages: Range<Int>, fresh: [Range<Int>])? {
        precondition(count > 0)
        if let index = runs.firstIndex(where: { $0.isResident && $0.pages.count >= count }) {
            let start = runs[index].pages.lowerBound
            cut(start..<start + count, fromRunsAt: index..<index + 1)
            return (start..<start + count, [])
        }
        guard let indices = stretch(of: count) else { return nil }
        let start = runs[indices.lowerBound].pages.lowerBound
        let pages = start..<start + count
        let fresh = runs[indices].filter { !$0.isResident }.map { $0.pages.clamped(to: pages) }
        cut(pages, fromRunsAt: indices)
        return (pages, fresh)
    }

    /// The first runs that touch each other and are `count` pages together.
    private func stretch(of count: Int) -> Range<Int>? {
        var first = 0
        for index in runs.indices {
            if index > 0, runs[index].pages.lowerBound != runs[index - 1].pages.upperBound { first = index }
            if runs[index].pages.upperBound - runs[first].pages.lowerBound >= count { return first..<index + 1 }
        }
        return nil
    }

    /// Removes pages from the runs that hold them; they begin where the first of these does.
    private mutating func cut(_ pages: Range<Int>, fromRunsAt indices: Range<Int>) {
        var rest: [Run] = []
        for run in runs[indices] {
            let cut = run.pages.clamped(to: pages)
            if run.isResident { residentCount -= cut.count }
            if cut.upperBound < run.pages.upperBound {
                rest.append(Run(pages: cut.upperBound..<run.pages.upperBound, isResident: run.isResident))
            }
        }
        runs.replaceSubrange(indices, with: rest)
    }

    /// Pages that are free from now on.
    mutating func give(_ pages: Range<Int>, isResident: Bool) {
        guard !pages.isEmpty else { return }
        if isResident { residentCount += pages.count }
        var run = Run(pages: pages, isResident: isResident)
        var index = position(of: pages.lowerBound)
        if index < runs.count, runs[index].isResident == isResident, runs[index].pages.lowerBound == pages.upperBound {
            run.pages = run.pages.lowerBound..<runs.remove(at: index).pages.upperBound
        }
        if index > 0, runs[index - 1].isResident == isResident, runs[index - 1].pages.upperBound == pages.lowerBound {
            index -= 1
            run.pages = runs.remove(at: index).pages.lowerBound..<run.pages.upperBound
        }
        runs.insert(run, at: index)
    }

    /// The index of the first run that begins behind a page.
    private func position(of page: Int) -> Int {
        var (low, high) = (0, runs.count)
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].pages.lowerBound > page { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Takes resident pages out, the highest first, until at most `limit` are left: to be given back without memory.
    mutating func takeSurplus(beyond limit: Int) -> [Range<Int>] {
        var taken: [Range<Int>] = []
        while residentCount > max(0, limit), let index = runs.lastIndex(where: \.isResident) {
            let run = runs[index].pages
            let count = min(run.count, residentCount - max(0, limit))
            taken.append(run.upperBound - count..<run.upperBound)
            residentCount -= count
            if count == run.count {
                runs.remove(at: index)
            } else {
                runs[index].pages = run.lowerBound..<run.upperBound - count
            }
        }
        return taken
    }

    /// Takes the lowest run of pages out that are not resident, at most `limit` of it: to be given back with memory.
    mutating func takeFresh(upTo limit: Int) -> Range<Int>? {
        guard limit > 0, let index = runs.firstIndex(where: { !$0.isResident }) else { return nil }
        let run = runs[index].pages
        let pages = run.lowerBound..<min(run.upperBound, run.lowerBound + limit)
        cut(pages, fromRunsAt: index..<index + 1)
        return pages
    }
}
