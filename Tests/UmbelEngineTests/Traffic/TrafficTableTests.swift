import Dispatch
import Testing
import UmbelEngine
import UmbelPOSIX
import UmbelRegistry
import UmbelStatistics
import UmbelTesting

@Suite struct TrafficTableTests {
    /// A table in a folder of its own, which can be opened again as after a restart.
    private final class Folder {
        private let folder: TemporaryFolder
        private let store: AdapterStore

        init() throws {
            folder = try TemporaryFolder()
            store = try AdapterStore(folder: folder.path)
        }

        func open() throws -> TrafficTable { try TrafficTable(store) }
    }

    private func route(_ weights: KeyValuePairs<String, Double> = ["a": 1, "b": 1], model: String = "base") throws
        -> TrafficRoute
    {
        try TrafficRoute(arms: weights.map { .init(name: $0.key, model: model, weight: $0.value) })
    }

    private func put(_ table: TrafficTable, _ route: TrafficRoute, _ name: String = "live") throws -> LiveRoute {
        try table.put(name, route, variants: [:], contents: [], check: { _ in }).live
    }

    @Test func `a route is there after a restart, with its generation and history`() throws {
        let folder = try Folder()
        let table = try folder.open()
        _ = try put(table, try route())
        _ = try put(table, try route(["a": 9, "b": 1]))
        let third = try put(table, try route(["a": 9, "b": 1], model: "other"))
        let again = try folder.open()
        let live = try #require(again.route("live"))
        #expect(live.generation == 3)
        #expect(live.route == third.route)
        #expect(live.experiment.number == 2)
        #expect(try again.history(of: "live").map(\.record.generation) == [3, 2, 1])
    }

    @Test func `the same route again changes nothing`() throws {
        let table = try Folder().open()
        #expect(try put(table, try route()).generation == 1)
        #expect(try put(table, try route()).generation == 1)
    }

    @Test func `a refused change leaves the route as it was`() throws {
        let table = try Folder().open()
        _ = try put(table, try route())
        #expect(throws: EngineError.self) {
            _ = try table.put("live", try route(["a": 1]), variants: [:], contents: []) { _ throws(EngineError) in
                throw .traffic(.nothingToRollBack(route: "live"))
            }
        }
        #expect(table.route("live")?.generation == 1)
        #expect(try table.history(of: "live").count == 1)
    }

    @Test func `history keeps the last generations only`() throws {
        let table = try Folder().open()
        for weight in 1...30 { _ = try put(table, try route(["a": Double(weight), "b": 1])) }
        let kept = try table.history(of: "live").map(\.record.generation)
        #expect(kept == Array((30 - RouteStore.generationsKept + 1...30).reversed()))
    }

    @Test func `what was counted is there after a restart, and keys are not counted twice`() throws {
        let folder = try Folder()
        let table = try folder.open()
        try table.start(onFault: { Issue.record("\($0)") })
        let live = try put(table, try route())
        live.experiment.assigned(0, key: 7, generation: 1, arms: live.route.arms)
        live.experiment.assigned(0, key: 7, generation: 1, arms: live.route.arms)
        live.experiment.assigned(1, key: nil, generation: 1, arms: live.route.arms)
        live.experiment.answered(by: "a", microseconds: 1500)
        live.experiment.answered(by: "a", microseconds: nil)
        live.experiment.dropped(by: "s")
        table.note(request: "r1", answeredBy: "b", of: live)
        table.stop()
        let again = try folder.open()
        let restored = try #require(again.route("live"))
        #expect(restored.experiment.counts.arms == live.experiment.counts.arms)
        #expect(restored.experiment.counts.assignments == live.experiment.counts.assignments)
        #expect(restored.experiment.counts.assignments[1]?["a"]?.count == 1)
        restored.experiment.assigned(0, key: 7, generation: 1, arms: live.route.arms)
        #expect(restored.experiment.counts.assignments[1]?["a"]?.count == 1)
        let late = Outcome(origin: .request("r1"), metric: "clicks", value: 1)
        #expect(try again.count([late], on: restored) == 1)
        #expect(restored.experiment.total(arm: "b", metric: "clicks").count == 1)
    }

    @Test func `outcomes are counted once for a request, and are durable when they are acknowledged`() throws {
        let folder = try Folder()
        let table = try folder.open()
        let live = try put(table, try route())
        table.note(request: "r1", answeredBy: "a", of: live)
        let outcome = Outcome(origin: .request("r1"), metric: "clicks", value: 1)
        #expect(try table.count([outcome], on: live) == 1)
        #expect(try table.count([outcome], on: live) == 0)
        #expect(try table.count([Outcome(origin: .request("r1"), metric: "rating", value: 4)], on: live) == 1)
        #expect(try table.count([Outcome(origin: .arm("b"), metric: "clicks", value: 0)], on: live) == 1)
        // Without having been stopped: as after a crash.
        let restored = try #require(try folder.open().route("live"))
        #expect(restored.experiment.total(arm: "a", metric: "clicks") == RunningMoments([1]))
        #expect(restored.experiment.total(arm: "a", metric: "rating") == RunningMoments([4]))
        #expect(restored.experiment.total(arm: "b", metric: "clicks") == RunningMoments([0]))
    }

    @Test func `one wrong outcome refuses all that were sent with it`() throws {
        let table = try Folder().open()
        let live = try put(table, try route())
        let outcomes = [
            Outcome(origin: .arm("a"), metric: "clicks", value: 1),
            Outcome(origin: .arm("x"), metric: "clicks", value: 1),
        ]
        #expect(throws: EngineError.self) { try table.count(outcomes, on: live) }
        #expect(live.experiment.total(arm: "a", metric: "clicks").count == 0)
        let unknown = Outcome(origin: .request("nobody"), metric: "clicks", value: 1)
        #expect(throws: EngineError.self) { try table.count([unknown], on: live) }
    }

    @Test func `a request of an experiment that is over counts no more`() throws {
        let table = try Folder().open()
        let old = try put(table, try route())
        table.note(request: "r1", answeredBy: "a", of: old)
        let new = try put(table, try route(model: "other"))
        #expect(new.experiment.number == 2)
        let late = Outcome(origin: .request("r1"), metric: "clicks", value: 1)
        #expect(throws: EngineError.self) { try table.count([late], on: new) }
    }

    @Test func `outcomes from many threads are all counted`() throws {
        let folder = try Folder()
        let table = try folder.open()
        let live = try put(table, try route())
        DispatchQueue.concurrentPerform(iterations: 16) { worker in
            for value in 0..<25 {
                let outcome = Outcome(origin: .arm(worker % 2 == 0 ? "a" : "b"), metric: "m", value: Double(value))
                #expect(throws: Never.self) { _ = try table.count([outcome], on: live) }
            }
        }
        let restored = try #require(try folder.open().route("live"))
        for arm in ["a", "b"] {
            let total = restored.experiment.total(arm: arm, metric: "m")
            #expect(total.count == 200)
            #expect(abs(total.mean - 12) < 1e-9)
        }
    }

    @Test func `two routes may see the same request id`() throws {
        let table = try Folder().open()
        let (one, two) = (try put(table, try route(), "one"), try put(table, try route(), "two"))
        table.note(request: "r", answeredBy: "a", of: one)
        table.note(request: "r", answeredBy: "b", of: two)
        let outcome = Outcome(origin: .request("r"), metric: "m", value: 1)
        #expect(try table.count([outcome], on: one) == 1)
        #expect(try table.count([outcome], on: two) == 1)
        #expect(one.experiment.total(arm: "a", metric: "m").count == 1)
        #expect(two.experiment.total(arm: "b", metric: "m").count == 1)
    }

    @Test func `metrics of an arm are limited`() throws {
        let table = try Folder().open()
        let live = try put(table, try route())
        let many = (0...Experiment.metricLimit).map { Outcome(origin: .arm("a"), metric: "m\($0)", value: 1) }
        #expect(throws: EngineError.self) { try table.count(many, on: live) }
        #expect(try table.count(Array(many.dropLast()), on: live) == Experiment.metricLimit)
        #expect(throws: EngineError.self) { try table.count([many[Experiment.metricLimit]], on: live) }
    }

    @Test func `a removed route leaves nothing behind`() throws {
        let folder = try Folder()
        let table = try folder.open()
        let live = try put(table, try route())
        _ = try table.count([Outcome(origin: .arm("a"), metric: "m", value: 1)], on: live)
        try table.remove("live", check: { _ in })
        #expect(table.route("live") == nil)
        // Numbers are not given twice: an outcome or a condition that is late must not mean the namesake.
        let again = try put(try folder.open(), try route())
        #expect(again.generation == 2)
        #expect(again.experiment.number == 2)
        #expect(again.experiment.counts.totals.isEmpty)
    }
}
