import Testing
import UmbelEngine
import UmbelTesting

@Suite struct AssignmentTests {
    private static let keys = (0..<10_000).map { "key-\($0)" }

    private static func arms(_ weights: KeyValuePairs<String, Double>) -> [TrafficRoute.Arm] {
        weights.map { .init(name: $0.key, model: "base", weight: $0.value) }
    }

    /// The arm's name of every key.
    private static func split(_ arms: [TrafficRoute.Arm], route: String = "r") -> [String] {
        keys.map { key in Assignment.arm(of: key, route: route, arms: arms).map { arms[$0].name } ?? "" }
    }

    private static func shares(_ split: [String]) -> [String: Double] {
        Dictionary(grouping: split) { $0 }.mapValues { Double($0.count) / Double(split.count) }
    }

    @Test func `keys are split by weight`() {
        let shares = Self.shares(Self.split(Self.arms(["a": 70, "b": 20, "c": 10, "off": 0])))
        // Five standard deviations of a share of 10,000 keys are below 0.025.
        #expect(abs((shares["a"] ?? 0) - 0.7) < 0.025)
        #expect(abs((shares["b"] ?? 0) - 0.2) < 0.025)
        #expect(abs((shares["c"] ?? 0) - 0.1) < 0.025)
        #expect(shares["off"] == nil)
    }

    @Test func `known keys keep the arms that they have always had`() {
        // A release that moves people between arms spoils every experiment under way: these must never change.
        let arms = Self.arms(["a": 50, "b": 30, "c": 20])
        let found = ["alice", "bob", "carol", "dave", "", "Ünïcode"].map {
            Assignment.arm(of: $0, route: "live", arms: arms).map { arms[$0].name }
        }
        #expect(found == Self.pinned)
    }

    private static let pinned: [String?] = ["a", "b", "b", "a", "b", "a"]

    @Test func `the order in which arms are listed does not matter`() {
        let arms = Self.arms(["a": 50, "b": 30, "c": 20])
        #expect(Self.split(arms) == Self.split(arms.reversed()))
    }

    @Test func `routes split the same keys independently`() {
        let arms = Self.arms(["a": 1, "b": 1])
        let agreements = zip(Self.split(arms, route: "one"), Self.split(arms, route: "two")).filter { $0 == $1 }.count
        #expect(abs(Double(agreements) / Double(Self.keys.count) - 0.5) < 0.02)
    }

    @Test func `raising one weight moves keys only to that arm, and only as many as must move`() {
        let before = Self.split(Self.arms(["a": 60, "b": 30, "c": 10]))
        let after = Self.split(Self.arms(["a": 60, "b": 30, "c": 60]))
        let moved = zip(before, after).filter { $0 != $1 }
        #expect(moved.allSatisfy { $0.1 == "c" })
        let must = 60.0 / 150 - 10.0 / 100
        #expect(abs(Double(moved.count) / Double(before.count) - must) < 0.025)
    }

    @Test func `an arm that goes leaves the others' keys where they are`() {
        let before = Self.split(Self.arms(["a": 60, "b": 30, "c": 10]))
        let after = Self.split(Self.arms(["a": 60, "b": 30]))
        #expect(zip(before, after).allSatisfy { $0 == $1 || $0 == "c" })
    }

    @Test(arguments: 0..<8) func `any change of weights moves no more keys than the bound allows`(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        let names = ["a", "b", "c", "d", "e"].prefix(Int.random(in: 2...5, using: &generator))
        func arms() -> [TrafficRoute.Arm] {
            names.map { .init(name: $0, model: "base", weight: Double.random(in: 0.1...10, using: &generator)) }
        }
        let (old, new) = (arms(), arms())
        func shares(_ arms: [TrafficRoute.Arm]) -> [Double] {
            let total = arms.reduce(0) { $0 + $1.weight }
            return arms.map { $0.weight / total }
        }
        let distance = zip(shares(old), shares(new)).reduce(0) { $0 + abs($1.0 - $1.1) } / 2
        let moved = zip(Self.split(old), Self.split(new)).filter { $0 != $1 }.count
        let share = Double(moved) / Double(Self.keys.count)
        #expect(share > distance - 0.025)
        #expect(share < 2 * distance / (1 + distance) + 0.025)
    }

    @Test func `chance goes by weight too`() {
        let arms = Self.arms(["a": 3, "off": 0, "b": 1])
        var generator = SeededGenerator(seed: 1)
        let picks = (0..<20_000).map { _ in Assignment.random(arms, using: &generator) }
        #expect(!picks.contains(1))
        #expect(abs(Double(picks.filter { $0 == 0 }.count) / 20_000 - 0.75) < 0.025)
        #expect(Assignment.random(Self.arms(["a": 0]), using: &generator) == nil)
    }
}
