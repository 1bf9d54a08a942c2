import Testing
import UmbelAdapters

/// The regular expressions of PEFT's settings: the same answers as Python's `re`, in bounded time.
@Suite("Patterns of PEFT's settings")
struct BoundedPatternTests {
    @Test(
        "A pattern matches the whole text or not",
        arguments: [
            ("abc", "abc", true), ("abc", "abcd", false), ("a.c", "axc", true), ("a\\.c", "axc", false),
            ("layers\\.\\d+\\.mlp", "layers.12.mlp", true), ("layers\\.\\d+\\.mlp", "layers.x.mlp", false),
            ("(q|k|v)_proj", "k_proj", true), ("(q|k|v)_proj", "o_proj", false), ("(?:q|k)_proj", "q_proj", true),
            ("a*", "", true), ("a*", "aaaa", true), ("a+", "", false), ("a?b", "b", true), ("a?b", "aab", false),
            ("a{2}", "aa", true), ("a{2}", "a", false), ("a{2,}", "aaaaa", true), ("a{1,3}", "aaaa", false),
            ("[a-c]+[0-9]", "abc7", true), ("[^.]+", "a.b", false), ("[]a]+", "]a", true), ("[a-]+", "a-a", true),
            ("\\w+\\s\\w+", "one two", true), ("\\W", "_", false), (".*?x", "aax", true), ("^a$", "a", true),
            ("a^b", "ab", false), ("(a|b)*c", "ababc", true), ("(a*)*", "aaa", true), ("(a*)*b", "aaa", false),
            ("a|b|c|d", "d", true), ("(a|)b", "b", true), ("é+", "éé", true),
        ])
    func matches(_ pattern: String, _ text: String, _ expected: Bool) throws {
        #expect(try #require(BoundedPattern(pattern)).matchesWhole(text) == expected)
    }

    @Test(
        "What is malformed or needs memory of the text is refused",
        arguments: [
            "(", ")", "a)", "(a", "[a", "*a", "a**", "a{3,1}", "a{x}", "(?=a)", "(?P<n>a)", "(a)\\1", "\\b", "a{300}",
            "\\",
            String(repeating: "(", count: 40) + String(repeating: ")", count: 40), String(repeating: "a", count: 513),
            "((a{50}){50}){50}",
        ])
    func refuses(_ pattern: String) {
        #expect(BoundedPattern(pattern) == nil)
    }

    @Test("Patterns that keep a backtracking matcher busy for ever are answered at once")
    func isBounded() throws {
        let text = String(repeating: "a", count: 4000)
        for pattern in ["(.*)*(.*)*x", "(a+)+b", "(a|aa)+b", "(a|a)*b", "(.*)(.*)(.*)(.*)(.*)x", "((a*)*)*b"] {
            #expect(try #require(BoundedPattern(pattern)).matchesWhole(text) == false)
        }
    }

    @Test("A key of a pattern map reaches back to a dot, or the start")
    func suffixes() throws {
        let path = "model.layers.0.self_attn.q_proj"
        for (pattern, expected) in [
            ("q_proj", true), ("proj", false), ("self_attn.q_proj", true), ("layers.0.*", true),
            ("^model.layers.0.*", true),
            ("^layers.0.*", false), ("model.layers.1.*", false), (".*\\.q_proj", true), ("q_pro.", true),
        ] {
            #expect(try #require(PEFTPattern(pattern)).matches(path) == expected, "\(pattern)")
        }
    }
}
