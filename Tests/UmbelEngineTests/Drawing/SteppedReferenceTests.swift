import Testing
import UmbelAdapters
import UmbelTesting

@testable import UmbelEngine

/// Scales that change with the steps, and scales of parts of an adapter.
@Suite("References for drawing")
struct SteppedReferenceTests {
    static let stepped: [(text: String, stages: [(from: Double, text: String)])] = [
        ("base+a:0.8", [(0, "base+a:0.8")]), ("route", [(0, "route")]),
        ("base+a:0@0.0,1@0.4", [(0, "base+a:0"), (0.4, "base+a")]),
        ("base+a:0,1@0.4", [(0, "base+a:0"), (0.4, "base+a")]),
        ("base+a@v2:0.5,0.7@0.5:te=0.2", [(0, "base+a@v2:0.5:te=0.2"), (0.5, "base+a@v2:0.7:te=0.2")]),
        (
            "base+a:0,1@0.5+b:1,0@0.25",
            [(0, "base+a:0+b"), (0.25, "base+a:0+b:0"), (0.5, "base+a+b:0")]
        ),
        ("base+ties(a:0.5,b):1,0.5@0.1", [(0, "base+ties(a:0.5,b)"), (0.1, "base+ties(a:0.5,b):0.5")]),
        ("base+a:1,1@0.5", [(0, "base+a")]),
    ]

    @Test("A scale that changes makes a model for each part of the steps", arguments: stepped.indices)
    func stages(_ index: Int) throws {
        let item = Self.stepped[index]
        let reference = try SteppedReference(item.text)
        #expect(reference.stages.map(\.from) == item.stages.map(\.from))
        #expect(reference.stages.map(\.reference.text) == item.stages.map(\.text))
    }

    @Test(
        "Parts of the steps ascend from 0 to below 1",
        arguments: ["1@0.4", "0@0,1@0", "0@0.5,1@0.4", "0,1@1", "0,1", "0,1@x", "x,1@0.4", "0@0,,1@0.5", "0@-1"])
    func malformed(_ schedule: String) {
        #expect(throws: ReferenceError.invalidSchedule(schedule)) { try SteppedReference("base+a:\(schedule)") }
    }

    @Test("A scale changes at most so often, and all scales together too")
    func bounds() throws {
        func schedule(_ points: Int, shift: Double = 0) -> String {
            (0..<points).map { "\($0)@\($0 == 0 ? 0 : (Double($0) + shift) / 100)" }.joined(separator: ",")
        }
        #expect(try SteppedReference("base+a:\(schedule(16))").stages.count == 16)
        #expect(throws: ReferenceError.self) { try SteppedReference("base+a:\(schedule(17))") }
        #expect(throws: ReferenceError.tooManyStages(limit: 16)) {
            try SteppedReference("base+a:\(schedule(16))+b:\(schedule(16, shift: 0.5))")
        }
    }

    @Test("Anywhere else such a scale is refused as what it is")
    func elsewhere() {
        #expect(throws: ReferenceError.stepwiseScale("0@0.0,1@0.4")) { try ModelReference("base+a:0@0.0,1@0.4") }
        #expect(throws: ReferenceError.invalidScale("x")) { try ModelReference("base+a:x") }
    }

    static let parts: [(text: String, canonical: String)] = [
        ("base+a:te=0.5", "base+a:te=0.5"), ("base+a:0.8:unet=1.0:te=.5", "base+a:0.8:te=0.5:unet=1"),
        ("base+a@v2:lbw=1,0,0.50", "base+a@v2:lbw=1,0,0.5"), ("base+a:1:te=0+b", "base+a:te=0+b"),
    ]

    @Test("Scales of parts have one canonical text", arguments: parts.indices)
    func partScales(_ index: Int) throws {
        let reference = try ModelReference(Self.parts[index].text)
        #expect(reference.text == Self.parts[index].canonical)
        #expect(try ModelReference(reference.text) == reference)
    }

    @Test(
        "An option that means nothing, or is there twice, is named",
        arguments: ["te", "te=1:te=2", "dyn=3", "te=1:0.5"])
    func invalidOptions(_ options: String) {
        #expect(throws: ReferenceError.self) { try ModelReference("base+a:1:\(options)") }
    }

    @Test("A combination has one weight for each adapter")
    func combination() {
        #expect(throws: ReferenceError.invalidOption("a:0.5:te=1")) { try ModelReference("base+ties(a:0.5:te=1,b)") }
    }

    private func id(_ text: String) throws -> String {
        let terms = try ModelReference("base+a\(text)").terms.map {
            VariantIdentity.Term(digest: "d", scale: $0.scale, parts: $0.parts.simplified(for: $0.scale), prefixes: [])
        }
        return VariantIdentity.id(baseDigest: "b", terms: terms, dtype: nil)
    }

    @Test("Other scales of parts are another variant; such as say nothing are not")
    func identity() throws {
        let plain = try id(":0.5")
        for same in [":0.5:te=0.5", ":0.5:unet=0.5:te=0.50", ":0.5:lbw=1,1,1"] { #expect(try id(same) == plain) }
        let ids = try [":0.5:te=0.4", ":0.5:unet=0.4", ":0.5:lbw=1,0,1", ":0.4", ":0:te=0.5"].map { try id($0) }
        #expect(Set(ids + [plain]).count == 6)
        #expect(try id(":0:te=0:unet=0") == id(":0"))
    }
}
