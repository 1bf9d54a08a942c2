import Testing

@testable import UmbelModels

@Suite("Parts of a product that make their own panels")
struct PanelPartsTests {
    @Test("Every row of every panel is in one part, and none is empty", arguments: [1, 2, 3, 8])
    func cover(threads: Int) {
        for panels in 1...12 {
            for rows in [1, 5, 6, 7, 48, 64, 100] {
                let parts = PanelParts(panels: panels, rows: rows, threads: threads)
                var seen = [[Int]](repeating: .init(repeating: 0, count: rows), count: panels)
                for index in 0..<parts.count {
                    #expect(!parts[index].rows.isEmpty)
                    for row in parts[index].rows { seen[parts[index].panel][row] += 1 }
                }
                #expect(seen.joined().allSatisfy { $0 == 1 })
            }
        }
    }

    @Test("Panels beyond the last multiple of the threads are cut, so that all threads have about as many rows")
    func even() {
        let parts = PanelParts(panels: 5, rows: 96, threads: 2)
        #expect((0..<parts.count).map { parts[$0].rows.count } == [96, 96, 96, 96, 48, 48])
        #expect(PanelParts(panels: 4, rows: 96, threads: 2).count == 4)
        #expect(PanelParts(panels: 1, rows: 96, threads: 3).count == 3)
    }
}
