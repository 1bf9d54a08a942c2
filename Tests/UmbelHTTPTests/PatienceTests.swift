import Testing

@testable import UmbelHTTP

struct PatienceTests {
    @Test("A peer that drips runs out of patience, one that is slow but moves does not")
    func drip() {
        var dripping = Patience(seconds: 30)
        for _ in 0..<31 {
            dripping.waited(1)
            dripping.moved(1)
        }
        #expect(dripping.left <= 0)
        var slow = Patience(seconds: 30)
        for _ in 0..<100 {
            slow.waited(20)
            slow.moved(Patience.refillBytes)
        }
        #expect(slow.left == 30)
    }

    @Test("Without refilling, all waiting counts together")
    func total() {
        var patience = Patience(seconds: 30, refills: false)
        patience.waited(31)
        patience.moved(1 << 20)
        #expect(patience.left <= 0)
    }
}
