import Testing
import UmbelEngine
import UmbelFormats

@Suite struct TrafficRouteTests {
    private func arm(_ name: String, _ weight: Double = 1, model: String = "base") -> TrafficRoute.Arm {
        .init(name: name, model: model, weight: weight)
    }

    private func error(
        _ arms: [TrafficRoute.Arm], _ shadows: [TrafficRoute.Shadow] = []
    ) -> TrafficError? {
        do throws(TrafficError) {
            _ = try TrafficRoute(arms: arms, shadows: shadows)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a route without meaning is refused with the arm that is wrong`() {
        #expect(error([]) == .noArms)
        #expect(error([arm("a"), arm("a")]) == .duplicateArm("a"))
        #expect(error([arm("a b")]) == .invalidArmName("a b"))
        #expect(error([arm("a", -1)]) == .invalidWeight(arm: "a"))
        #expect(error([arm("a", .nan)]) == .invalidWeight(arm: "a"))
        #expect(error([arm("a", .infinity)]) == .invalidWeight(arm: "a"))
        #expect(error([arm("a", 0), arm("b", 0)]) == .noTraffic)
        #expect(error([arm("a")], [.init(name: "a", model: "base", share: 1)]) == .duplicateArm("a"))
        #expect(error([arm("a")], [.init(name: "s", model: "base", share: 1.5)]) == .invalidShare(shadow: "s"))
        #expect(error((0..<65).map { arm("a\($0)") }) == .tooManyArms(limit: 64))
        #expect(error([arm("a", 0), arm("b", 0.001)]) == nil)
    }

    @Test func `only other arms, or other models of the same names, begin a new experiment`() throws {
        let route = try TrafficRoute(arms: [arm("a"), arm("b")], shadows: [.init(name: "s", model: "x", share: 1)])
        func continues(_ arms: [TrafficRoute.Arm], _ shadows: [TrafficRoute.Shadow]) throws -> Bool {
            try TrafficRoute(arms: arms, shadows: shadows).continues(route)
        }
        #expect(try continues([arm("b", 5), arm("a", 2)], []))
        #expect(try continues([arm("a"), arm("b")], [.init(name: "t", model: "y", share: 0.1)]))
        #expect(try !continues([arm("a"), arm("b")], [.init(name: "s", model: "y", share: 1)]))
        #expect(try !continues([arm("a"), arm("b", model: "other")], []))
        #expect(try !continues([arm("a")], []))
        #expect(try !continues([arm("a"), arm("b"), arm("c")], []))
        #expect(try !TrafficRoute(arms: [arm("a"), arm("b")], stickiness: .user).continues(route))
    }

    @Test(arguments: ["none", "user", "header:X-Account"]) func `stickiness is written as it is read`(text: String) {
        #expect(TrafficRoute.Stickiness(text: text)?.text == text)
    }

    @Test(arguments: ["", "User", "header:", "header:a b", "header:a:b", "cookie"])
    func `a stickiness that is none is refused`(text: String) {
        #expect(TrafficRoute.Stickiness(text: text) == nil)
    }
}
