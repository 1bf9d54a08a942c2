import Testing
import UmbelStatistics

@Suite("The normal distribution")
struct NormalTests {
    @Test("half lies below zero")
    func median() { #expect(Normal.cumulative(0) == 0.5) }
}
