import Testing
import UmbelTesting

@testable import UmbelTensor

@Suite("Free pages")
struct FreePagesTests {
    private enum Page { case used, spare, clean }

    /// Page by page what the runs say.
    private func pages(_ free: FreePages, _ count: Int) -> [Page] {
        var pages = [Page](repeating: .used, count: count)
        for run in free.runs {
            for page in run.pages {
                #expect(pages[page] == .used, "page \(page) is in two runs")
                pages[page] = run.isResident ? .spare : .clean
            }
        }
        return pages
    }

    private func checkOrder(_ free: FreePages) {
        for (first, second) in zip(free.runs, free.runs.dropFirst()) {
            #expect(first.pages.upperBound <= second.pages.lowerBound)
            #expect(
                first.pages.upperBound < second.pages.lowerBound || first.isResident != second.isResident,
                "neighbours of a kind are one run")
        }
        #expect(free.runs.allSatisfy { !$0.pages.isEmpty })
        #expect(free.residentCount == free.runs.filter(\.isResident).reduce(0) { $0 + $1.pages.count })
    }

    @Test("Whatever is taken, given back and released, every page is where a list of pages says", arguments: 0..<8)
    func agreesWithAList(seed: UInt64) throws {
        let count = 200
        var generator = SeededGenerator(seed: seed)
        var free = FreePages(count: count)
        var model = [Page](repeating: .clean, count: count)
        var taken: [Range<Int>] = []
        for _ in 0..<400 {
            switch Int.random(in: 0..<5, using: &generator) {
            case 0, 1:
                let wanted = Int.random(in: 1...40, using: &generator)
                let fits = (0...count - wanted).filter { model[$0..<$0 + wanted].allSatisfy { $0 != .used } }
                let warm = fits.filter { model[$0..<$0 + wanted].allSatisfy { $0 == .spare } }
                guard let found = free.take(wanted) else {
                    #expect(fits.isEmpty, "\(wanted) pages in a row are free")
                    continue
                }
                #expect(found.pages.count == wanted)
                #expect(fits.contains(found.pages.lowerBound))
                #expect(warm.isEmpty || found.fresh.isEmpty, "resident pages come first")
                #expect(found.fresh.flatMap { Array($0) } == found.pages.filter { model[$0] == .clean })
                for page in found.pages { model[page] = .used }
                taken.append(found.pages)
            case 2, 3:
                guard let index = taken.indices.randomElement(using: &generator) else { continue }
                let pages = taken.remove(at: index)
                free.give(pages, isResident: true)
                for page in pages { model[page] = .spare }
            default:
                let limit = Int.random(in: 0...60, using: &generator)
                let released = free.takeSurplus(beyond: limit)
                #expect(free.residentCount <= limit)
                #expect(released.allSatisfy { $0.allSatisfy { model[$0] == .spare } })
                for pages in released {
                    free.give(pages, isResident: false)
                    for page in pages { model[page] = .clean }
                }
            }
            checkOrder(free)
            #expect(pages(free, count) == model)
        }
        for pages in taken { free.give(pages, isResident: false) }
        _ = free.takeSurplus(beyond: 0).map { free.give($0, isResident: false) }
        #expect(free.runs == [.init(pages: 0..<count, isResident: false)], "everything joins again")
    }

    @Test("Fresh pages are taken from the low end, no more than asked for")
    func fresh() {
        var free = FreePages(count: 100)
        let none = free.takeFresh(upTo: 0)
        let first = free.takeFresh(upTo: 30)
        free.give(0..<30, isResident: true)
        let rest = free.takeFresh(upTo: 200)
        let more = free.takeFresh(upTo: 1)
        #expect(none == nil && first == 0..<30 && rest == 30..<100 && more == nil)
        #expect(free.residentCount == 30)
    }

    @Test("Nothing fits into no pages, and the last page can be had")
    func limits() {
        var none = FreePages(count: 0)
        var three = FreePages(count: 3)
        let (nothing, tooMany, all) = (none.take(1), three.take(4), three.take(3))
        #expect(nothing == nil && tooMany == nil && all?.pages == 0..<3)
        #expect(three.runs.isEmpty)
    }
}
