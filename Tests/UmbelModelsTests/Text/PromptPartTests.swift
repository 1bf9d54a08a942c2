import Testing
import UmbelModels

@Suite("Weights in prompts")
struct PromptPartTests {
    private func parts(_ prompt: String) -> [String] {
        PromptPart.parse(prompt).map { part in
            switch part {
            case .text(let text, let weight): "\(text)@\((weight * 1e6).rounded() / 1e6)"
            case .chunkBreak: "BREAK"
            }
        }
    }

    @Test(
        "A prompt is read as the web UI reads it",
        arguments: [
            ("normal text", ["normal text@1.0"]),
            ("", []),
            ("an (important) word", ["an @1.0", "important@1.1", " word@1.0"]),
            ("a [lesser] word", ["a @1.0", "lesser@0.909091", " word@1.0"]),
            ("((twice)) [[less]]", ["twice@1.21", " @1.0", "less@0.826446"]),
            ("(unnecessary)(parens)", ["unnecessaryparens@1.1"]),
            ("(a:1.3)(b:.5)(c:2.)(d:+1)(e:-1)", ["a@1.3", "b@0.5", "c@2.0", "d@1.0", "e@-1.0"]),
            ("(a: 1.3 )", ["a@1.3"]),
            (
                "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
                [
                    "a @1.0", "house@1.573", " @1.1", "on@1.0", " a @1.1", "hill@0.55", ", sun, @1.1", "sky@1.4641",
                    ".@1.1",
                ]
            ),
            ("(unbalanced", ["unbalanced@1.1"]),
            ("[unbalanced", ["unbalanced@0.909091"]),
            ("unbalanced)", ["unbalanced)@1.0"]),
            ("unbalanced] a:1.2) b", ["unbalanced] a:1.2) b@1.0"]),
            ("(no number:1.2.3)", ["no number:1.2.3@1.1"]),
            ("(no number:)", ["no number:@1.1"]),
            ("(no number:a)", ["no number:a@1.1"]),
            ("(wide:\(String(repeating: "9", count: 400)))", ["wide:\(String(repeating: "9", count: 400))@1.1"]),
            (#"\(literal\) \[too\] \\ a\b"#, [#"(literal) [too] \ ab@1.0"#]),
            (#"end\"#, ["end@1.0"]),
            ("a BREAK b", ["a@1.0", "BREAK", "b@1.0"]),
            ("(a BREAK b:2)", ["a@2.0", "BREAK", "b@2.0"]),
            ("BREAK", ["@1.0", "BREAK", "@1.0"]),
            ("BREAKFAST aBREAK BREAK_ break", ["BREAKFAST aBREAK BREAK_ break@1.0"]),
            ("a,\n BREAK \n,b", ["a,@1.0", "BREAK", ",b@1.0"]),
        ] as [(String, [String])])
    func reading(prompt: String, expected: [String]) {
        #expect(parts(prompt) == expected)
    }
}
