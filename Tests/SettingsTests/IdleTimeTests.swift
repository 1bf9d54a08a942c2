import Testing

@testable import umbel

@Suite("Idle time")
struct IdleTimeTests {
    @Test("It is over so long after the last use, once")
    func over() {
        var idle = IdleTime(limit: 10)
        let answers = [(0, 100.0), (0, 109), (1, 110), (1, 119.5), (1, 120), (1, 125), (1, 131)].map {
            idle.isOver(uses: $0.0, now: $0.1)
        }
        // Used once more at 110.
        #expect(answers == [false, false, false, false, true, false, true])
    }
}
