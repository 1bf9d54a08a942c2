import Testing
import UmbelTesting

@testable import UmbelEngine

/// The policy alone: no threads, no tensors, no clock.
@Suite("Eviction policy")
struct EvictionPolicyTests {
    typealias Policy = EvictionPolicy<Int>

    @Test("Of equal size and cost, what was used longest ago goes first")
    func recency() {
        var policy = Policy()
        for key in 1...3 { policy.put(key, bytes: 10, cost: 5) }
        policy.use(1)
        #expect(policy.makeRoom(for: 10, within: 30) == [2])
        #expect(policy.makeRoom(for: 20, within: 30) == [3])
        #expect(policy.bytes == 10)
    }

    @Test("Of equal size, what is cheap to build again goes first")
    func cost() {
        var policy = Policy()
        policy.put(1, bytes: 10, cost: 1)
        policy.put(2, bytes: 10, cost: 100)
        policy.use(1)
        #expect(policy.makeRoom(for: 10, within: 20) == [1])
    }

    @Test("Of equal cost, what is large goes first")
    func size() {
        var policy = Policy()
        policy.put(1, bytes: 100, cost: 10)
        policy.put(2, bytes: 10, cost: 10)
        #expect(policy.makeRoom(for: 50, within: 120) == [1])
    }

    @Test("What was dear once and is not used goes in the end")
    func ageing() {
        var policy = Policy()
        policy.put(0, bytes: 10, cost: 50)
        var rounds = 0
        for key in 1...100 {
            let gone = policy.makeRoom(for: 10, within: 20)
            rounds = key
            if gone == [0] { break }
            policy.put(key, bytes: 10, cost: 10)
        }
        // Each that goes raises L by a cost per byte of 1. The dear one stands at 5, and at 5 it is the one used longest ago.
        #expect(rounds == 6)
    }

    @Test("What is to be kept stays, and if that leaves no room nothing goes")
    func keeping() {
        var policy = Policy()
        for key in 1...3 { policy.put(key, bytes: 10, cost: 1) }
        #expect(policy.makeRoom(for: 20, within: 30) { $0 != 1 } == nil)
        #expect(policy.bytes == 30)
        #expect(policy.makeRoom(for: 10, within: 30) { $0 != 3 } == [3])
        #expect(policy.makeRoom(for: 31, within: 30) == nil, "larger than everything")
        #expect(policy.bytes == 20)
        #expect(policy.makeRoom(for: 10, within: 30) == [])
        #expect(policy.makeRoom(for: 0, within: 0) == [1, 2])
    }

    @Test("An item that grows counts once")
    func growth() {
        var policy = Policy()
        policy.put(1, bytes: 10, cost: 1)
        policy.put(1, bytes: 25, cost: 2)
        #expect(policy.bytes == 25)
        policy.remove(1)
        policy.remove(1)
        policy.use(1)
        #expect(policy.bytes == 0)
    }

    /// The definition, written down without any thought for speed.
    private struct Model {
        var items: [(key: Int, bytes: Int, cost: Double, priority: Double)] = []
        var inflation = 0.0

        var bytes: Int { items.reduce(0) { $0 + $1.bytes } }

        mutating func put(_ key: Int, _ bytes: Int, _ cost: Double) {
            items.removeAll { $0.key == key }
            items.append((key, bytes, cost, inflation + cost / Double(bytes)))
        }

        mutating func use(_ key: Int) {
            guard let item = items.first(where: { $0.key == key }) else { return }
            put(item.key, item.bytes, item.cost)
        }

        mutating func makeRoom(_ needed: Int, _ budget: Int, _ isKept: (Int) -> Bool) -> [Int]? {
            var trial = self
            var gone: [Int] = []
            while trial.bytes + needed > budget {
                // The list is in the order of last use, and the first of equal minima counts.
                guard let lowest = trial.items.filter({ !isKept($0.key) }).map(\.priority).min(),
                    let victim = trial.items.first(where: { !isKept($0.key) && $0.priority == lowest })
                else { return nil }
                trial.items.removeAll { $0.key == victim.key }
                trial.inflation = max(trial.inflation, lowest)
                gone.append(victim.key)
            }
            self = trial
            return gone
        }
    }

    @Test("It does what its definition says, whatever happens", arguments: 0..<40)
    func againstModel(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var policy = Policy()
        var model = Model()
        for _ in 0..<500 {
            let key = Int.random(in: 0..<12, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                let bytes = Int.random(in: 1...40, using: &random)
                let cost = Double(Int.random(in: 0...6, using: &random))
                policy.put(key, bytes: bytes, cost: cost)
                model.put(key, bytes, cost)
            case 4..<6:
                policy.use(key)
                model.use(key)
            case 6:
                policy.remove(key)
                model.items.removeAll { $0.key == key }
            default:
                let needed = Int.random(in: 0...60, using: &random)
                let budget = Int.random(in: 0...200, using: &random)
                let kept = Set((0..<3).map { _ in Int.random(in: 0..<12, using: &random) })
                let before = policy.bytes
                let gone = policy.makeRoom(for: needed, within: budget, keeping: kept.contains)
                #expect(gone == model.makeRoom(needed, budget, kept.contains))
                #expect(gone == nil ? policy.bytes == before : policy.bytes + needed <= max(budget, before + needed))
            }
            #expect(policy.bytes == model.bytes)
        }
    }
}

/// How much may be pinned.
@Suite("Pins")
struct PinRuleTests {
    @Test("One slot stays, as large as what is to be pinned or the largest that is not pinned")
    func slot() {
        let rule = PinRule(budget: 100, pinned: 30)
        #expect(rule.room == 70)
        #expect(rule.permits(35, beside: []))
        #expect(!rule.permits(36, beside: []), "36 pinned would leave less than 36")
        #expect(rule.permits(20, beside: [50, 10]))
        #expect(!rule.permits(21, beside: [50, 10]))
        #expect(rule.slot(for: 20, beside: [50, 10]) == 50)
    }

    @Test("What is too large to be there whole claims no room, and what shares everything needs none")
    func extremes() {
        #expect(PinRule(budget: 100, pinned: 40).permits(30, beside: [61]))
        #expect(!PinRule(budget: 100, pinned: 40).permits(30, beside: [60]))
        #expect(PinRule(budget: 0, pinned: 0).permits(0, beside: []))
        #expect(!PinRule(budget: 0, pinned: 0).permits(1, beside: []))
        #expect(PinRule(budget: 10, pinned: 30).room == 0)
    }

    @Test("However pins come, room for the largest of them stays")
    func never() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let budget = Int.random(in: 0...100, using: &random)
            var pinned: [Int] = []
            for _ in 0..<10 {
                let bytes = Int.random(in: 1...60, using: &random)
                let rule = PinRule(budget: budget, pinned: pinned.reduce(0, +))
                if rule.permits(bytes, beside: []) { pinned.append(bytes) }
            }
            if let last = pinned.last { #expect(pinned.reduce(0, +) + last <= budget) }
        }
    }
}

/// What is kept for other strengths.
@Suite("Kept deltas")
struct DeltaPolicyTests {
    @Test("Only at the second strength, only where computing costs more than reading, only within the share")
    func policy() {
        let policy = DeltaPolicy(budget: 100)
        let enough = DeltaPolicy.leastWork
        #expect(policy.keeps(work: enough, bytes: 100, isRepeated: true))
        #expect(!policy.keeps(work: enough, bytes: 100, isRepeated: false))
        #expect(!policy.keeps(work: enough.nextDown, bytes: 100, isRepeated: true))
        #expect(!policy.keeps(work: enough, bytes: 101, isRepeated: true))
        #expect(!policy.keeps(work: 1, bytes: 1, isRepeated: true), "a Kronecker product is as fast as a copy")
    }
}
