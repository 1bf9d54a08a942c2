import Testing
import UmbelModels

@Suite("Prompts that change with the steps")
struct PromptScheduleTests {
    private func schedule(_ prompt: String, steps: Int = 10) -> [String] {
        PromptSchedule(prompt, steps: steps).entries.map { "\($0.lastStep) \($0.text)" }
    }

    @Test(
        "A prompt is read as the web UI reads it",
        arguments: [
            ("test", ["10 test"]),
            ("", ["10 "]),
            ("a [b:3]", ["3 a ", "10 a b"]),
            ("a [b: 3 ]", ["3 a ", "10 a b"]),
            ("a [b::3]", ["3 a b", "10 a "]),
            ("a [[[b]]:2]", ["2 a ", "10 a [[b]]"]),
            ("[(a:2):3]", ["3 ", "10 (a:2)"]),
            ("a [b : c : 1] d", ["1 a b  d", "10 a  c  d"]),
            ("a[b:[c:d:2]:1]e", ["1 abe", "2 ace", "10 ade"]),
            ("a [unbalanced", ["10 a [unbalanced"]),
            ("a [b:.5] c", ["5 a  c", "10 a b c"]),
            ("a [b:0.25] c", ["2 a  c", "10 a b c"]),
            ("a [b:1.5] c", ["10 a  c"]),
            ("a [b:25] c", ["10 a  c"]),
            ("a [b:c:0] d", ["10 a c d"]),
            ("a [b:c:-3] d", ["10 a c d"]),
            ("((a][:b:c [d:3]", ["3 ((a][:b:c ", "10 ((a][:b:c d"]),
            ("[a:b:c:3]", ["10 [a:b:c:3]"]),
            ("[a:b]", ["10 [a:b]"]),
            ("a|b", ["10 a|b"]),
            ("a|b [c:3]", ["10 a|b [c:3]"]),
            (#"\[a:b:3\]"#, [#"10 \[a:b:3\]"#]),
            (#"[a:b:3]\"#, [#"10 [a:b:3]\"#]),
            ("(a [b:c:2]:1.2)", ["2 (a b:1.2)", "10 (a c:1.2)"]),
        ] as [(String, [String])])
    func reading(prompt: String, expected: [String]) {
        #expect(schedule(prompt) == expected)
    }

    @Test("Alternatives take turns, an empty one too")
    func turns() {
        #expect(schedule("[a|(b:1.1)]", steps: 4) == ["1 a", "2 (b:1.1)", "3 a", "4 (b:1.1)"])
        #expect(schedule("[fe|]male", steps: 3) == ["1 female", "2 male", "3 female"])
        #expect(schedule("[a|b|c]d", steps: 4) == ["1 ad", "2 bd", "3 cd", "4 ad"])
        #expect(schedule("[a|[b:c:2]]", steps: 4) == ["1 a", "2 b", "3 a", "4 c"])
    }

    @Test("A text holds for the evaluation after its last step, as in the web UI")
    func evaluations() {
        let schedule = PromptSchedule("[a:b:2]", steps: 5)
        #expect((0..<7).map(schedule.text(at:)) == ["a", "a", "a", "b", "b", "b", "b"])
    }

    @Test("A plain text is no schedule")
    func plain() {
        #expect(PromptSchedule(plain: "[a:b:2]", steps: 5).entries.map(\.text) == ["[a:b:2]"])
    }

    @Test("Brackets without end are read in reasonable time")
    func deep() {
        for mark in ["[", "(", "[a:", "[a|", "(a:", "[[a]:"] {
            let prompt = String(repeating: mark, count: 5000)
            #expect(PromptSchedule(prompt, steps: 3).entries.map(\.text) == [prompt])
        }
        let nested = String(repeating: "(", count: 1000) + String(repeating: ")", count: 1000)
        #expect(PromptSchedule(nested, steps: 3).entries.map(\.text) == [nested])
    }
}
