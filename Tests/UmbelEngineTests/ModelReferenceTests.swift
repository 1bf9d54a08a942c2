import Testing
import UmbelAdapters
import UmbelEngine
import UmbelRegistry
import UmbelTensor
import UmbelTesting

@Suite("Model references")
struct ModelReferenceTests {
    typealias Term = ModelReference.Term

    private static func scale(_ value: Double) -> Scale { Scale(number: value) ?? .one }

    static let valid: [(text: String, terms: [Term], canonical: String)] = [
        ("base", [], "base"), ("b.1_x-Y", [], "b.1_x-Y"), ("0", [], "0"),
        (String(repeating: "a", count: 96), [], String(repeating: "a", count: 96)),
        ("base+a", [Term(adapter: "a")], "base+a"), ("base+a:1", [Term(adapter: "a")], "base+a"),
        ("base+a:1.0", [Term(adapter: "a")], "base+a"),
        ("base+a:0.8", [Term(adapter: "a", scale: scale(0.8))], "base+a:0.8"),
        ("base+a:.5", [Term(adapter: "a", scale: scale(0.5))], "base+a:0.5"),
        ("base+a:+0.5+b", [Term(adapter: "a", scale: scale(0.5)), Term(adapter: "b")], "base+a:0.5+b"),
        ("base+a:-2", [Term(adapter: "a", scale: scale(-2))], "base+a:-2"),
        (
            "base+a:1e+2+b:2E-1", [Term(adapter: "a", scale: scale(100)), Term(adapter: "b", scale: scale(0.2))],
            "base+a:100+b:0.2"
        ),
        ("base+a:-0", [Term(adapter: "a", scale: scale(0))], "base+a:0"),
        (
            "base+a@prod:0.5", [Term(adapter: "a", selector: .tag("prod"), scale: scale(0.5))], "base+a@prod:0.5"
        ),
        ("base+a@0f:0.5", [Term(adapter: "a", digestPrefix: "0f", scale: scale(0.5))], "base+a@0f:0.5"),
        (
            "base+a@\(String(repeating: "0", count: 64))",
            [Term(adapter: "a", digestPrefix: String(repeating: "0", count: 64))],
            "base+a@\(String(repeating: "0", count: 64))"
        ),
        ("base+a+a", [Term(adapter: "a"), Term(adapter: "a")], "base+a+a"),
        ("base+e", [Term(adapter: "e")], "base+e"),
        ("base+1e+b", [Term(adapter: "1e"), Term(adapter: "b")], "base+1e+b"),
    ]

    @Test("A reference means its terms, and has one canonical text", arguments: valid.indices)
    func validReference(_ index: Int) throws {
        let item = Self.valid[index]
        let reference = try ModelReference(item.text)
        #expect(reference.terms == item.terms)
        #expect(reference.text == item.canonical)
        #expect(try ModelReference(reference.text) == reference)
    }

    private static func combination(
        _ method: String, _ options: [(name: String, value: String)] = [], _ terms: [Term], scale: Double = 1
    ) throws -> ModelReference.Entry {
        .combination(
            try .init(Combination(method: method, options: options), of: terms, scale: Self.scale(scale)))
    }

    @Test("A combination means its method, options, adapters and scale, and has one canonical text")
    func combinations() throws {
        let (a, b) = (Term(adapter: "a", scale: Self.scale(0.8)), Term(adapter: "b", digestPrefix: "0f"))
        for (text, entries, canonical) in [
            ("base+sum(a:.8)", [try Self.combination("sum", [], [a])], "base+sum(a:0.8)"),
            (
                "base+ties(a:0.8,b@0f;majority_sign=frequency;density=5e-1):0.50",
                [
                    try Self.combination(
                        "ties", [("density", "0.5"), ("majority_sign", "frequency")], [a, b], scale: 0.5)
                ],
                "base+ties(a:0.8,b@0f;density=0.5;majority_sign=frequency):0.5"
            ),
            (
                "base+a:0.8+dare_ties(b@0f:1e+0,a:+0.8;density=1;seed=0;majority_sign=total)+b@0f",
                [.adapter(a), try Self.combination("dare_ties", [], [b, a]), .adapter(b)],
                "base+a:0.8+dare_ties(b@0f,a:0.8)+b@0f"
            ),
            ("base+svd(a:0.8,a:0.8;rank=4)", [try Self.combination("svd", [("rank", "4")], [a, a])], nil),
        ] as [(String, [ModelReference.Entry], String?)] {
            let reference = try ModelReference(text)
            #expect(reference.entries == entries, "\(text)")
            #expect(reference.text == canonical ?? text)
            #expect(try ModelReference(reference.text) == reference)
        }
        #expect(try ModelReference("base+x+sum(a:0.8,b@0f)").terms == [Term(adapter: "x"), a, b])
    }

    @Test("What is no combination is refused with the part that is wrong")
    func invalidCombinations() {
        for (text, error) in [
            ("base+tie(a)", .combination(.unknownMethod("tie"))), ("base+sum()", .combination(.noAdapters)),
            ("base+sum(;rank=1)", .combination(.unknownOption(method: "sum", option: "rank"))),
            ("base+ties(a;density=0.5;density=0.5)", .combination(.repeatedOption("density"))),
            ("base+(a)", .malformedCombination("(a)")), ("base+sum(a", .malformedCombination("sum(a")),
            ("base+sum(a)x", .malformedCombination("sum(a)x")),
            ("base+sum(a;rank)", .malformedCombination("sum(a;rank)")),
            ("base+sum(ties(a))", .malformedCombination("sum(ties(a))")),
            ("base+sum(a)(b)", .malformedCombination("sum(a)(b)")), ("base+sum(a,)", .invalidName("")),
            ("base+sum(a+b)", .invalidName("a+b")), ("base+sum(a):", .invalidScale("")),
            ("base+sum(a):x", .invalidScale("x")), ("base+sum(a:x)", .invalidScale("x")),
            ("base+sum)a", .invalidName("sum)a")), ("sum(a)", .invalidName("sum(a)")),
            (
                "base+sum(\(Array(repeating: "a", count: 65).joined(separator: ",")))",
                .combination(.tooManyAdapters(limit: 64))
            ),
        ] as [(String, ReferenceError)] {
            #expect(throws: error, "\(text)") { try ModelReference(text) }
        }
    }

    static let invalid: [(text: String, error: ReferenceError)] = [
        ("", .empty), (String(repeating: "a", count: 4097), .tooLong(limit: 4096)),
        (String(repeating: "a", count: 97), .invalidName(String(repeating: "a", count: 97))), ("+a", .invalidName("")),
        ("-base", .invalidName("-base")), (".base", .invalidName(".base")), ("base+", .invalidName("")),
        ("base++a", .invalidName("")), ("base + a", .invalidName("base ")), ("bäse", .invalidName("bäse")),
        ("base/x", .invalidName("base/x")), ("base+a/b", .invalidName("a/b")), ("base+..", .invalidName("..")),
        ("base:0.5", .invalidName("base:0.5")), ("base+:0.5", .invalidName("")), ("base+a:", .invalidScale("")),
        ("base+a:x", .invalidScale("x")), ("base+a:nan", .invalidScale("nan")), ("base+a:inf", .invalidScale("inf")),
        ("base+a:0x1p3", .invalidScale("0x1p3")), ("base+a:1e9", .invalidScale("1e9")),
        ("base+a:1,5", .invalidScale("1,5")),
        ("base+a:1 ", .invalidScale("1 ")), ("base+a:--1", .invalidScale("--1")), ("base+a:1e+", .invalidScale("1e+")),
        ("base+a@", .invalidDigest("")), ("base+a@0F", .invalidDigest("0F")), ("base+a@x!", .invalidDigest("x!")),
        ("base+a@\(String(repeating: "0", count: 65))", .invalidDigest(String(repeating: "0", count: 65))),
        ("base+a@0@1", .invalidDigest("0@1")), ("base+@0", .invalidName("")), ("base+a:1:2", .invalidOption("2")),
        ("base+a:0.5@0f", .invalidScale("0.5@0f")),
    ]

    @Test("What is no reference is refused with the part that is wrong", arguments: invalid.indices)
    func invalidReference(_ index: Int) {
        let item = Self.invalid[index]
        #expect(throws: item.error, "\(item.text)") { try ModelReference(item.text) }
    }

    @Test("A scale is a finite decimal of magnitude up to a million")
    func scales() {
        for (text, value) in [
            ("1", 1), ("-0.5", -0.5), ("1e6", 1e6), ("-1000000", -1e6), ("1e-300", 1e-300), ("0.1", 0.1),
        ] {
            #expect(Scale(text)?.value == value)
            #expect(Scale(text).flatMap { Scale($0.text) } == Scale(text), "the text reads back")
        }
        for text in [
            "", "1000001", "1e7", "infinity", "nan", "1_000", " 1", "0x10", String(repeating: "1", count: 33), "٣",
        ] {
            #expect(Scale(text) == nil, "\(text)")
        }
        #expect(Scale("-0") == Scale("0"))
        #expect(Scale("0.80") == Scale("8e-1"))
        #expect(Scale(number: .infinity) == nil && Scale(number: .nan) == nil)
    }

    @Test("Any text is refused or has a canonical text that means the same")
    func fuzz() {
        let words = [
            "+", ":", "@", "base", "a", "0.5", "e", "E", "-", "1e+2", "ff", ".", "nan", "ü", "\u{0}", "😀", "1",
            "sum(a,b)", "ties(", "dare_ties(a:2;seed=3", "svd", "(", ")", ",", ";",
            ";density=0.5", ";rank=07", "=", "\\",
        ]
        Fuzz.run { random, seed in
            var text = (0..<Int.random(in: 0...10, using: &random)).map { _ in words.randomElement(using: &random) ?? ""
            }.joined()
            if Bool.random(using: &random) { text = "base+" + text }
            guard let reference = try? ModelReference(text) else { return }
            #expect((try? ModelReference(reference.text)) == reference, "\(seed): \(text)")
            #expect((try? ModelReference(reference.text))?.text == reference.text, "\(seed): \(text)")
        }
    }
}

@Suite("Identity of variants")
struct VariantIdentityTests {
    private func id(
        base: String = "b", _ terms: [(digest: String, scale: Double, prefixes: [String])] = [], dtype: DType? = nil
    ) -> String {
        VariantIdentity.id(
            baseDigest: base,
            terms: terms.map {
                .init(
                    digest: $0.digest, scale: Scale(number: $0.scale) ?? .one,
                    prefixes: $0.prefixes.compactMap(Prefix.init))
            }, dtype: dtype)
    }

    @Test("What the bytes depend on changes the id")
    func changes() {
        let ids = [
            id(), id(base: "c"), id(dtype: .f16), id(dtype: .bf16), id([("a", 1, [])]), id([("a", 0.5, [])]),
            id([("a", -1, [])]), id([("b", 1, [])]), id([("a", 1, []), ("b", 1, [])]),
            id([("b", 1, []), ("a", 1, [])]),
            id([("a", 1, []), ("a", 1, [])]), id([("a", 1, ["x=y"])]), id([("a", 1, ["x=z"])]),
            id([("a", 1, [])], dtype: .f16),
        ]
        #expect(Set(ids).count == ids.count)
        #expect(ids.allSatisfy { $0.count == 40 && $0.allSatisfy { $0.isHexDigit && !$0.isUppercase } })
    }

    @Test("Every part and option of a combination changes the id, and what has no effect does not")
    func combinations() throws {
        func id(
            _ method: String, _ options: [(name: String, value: String)] = [],
            _ terms: [(digest: String, scale: Double)] = [("a", 1), ("b", 1)], scale: Double = 1
        ) throws -> String {
            VariantIdentity.id(
                baseDigest: "b",
                entries: [
                    .combination(
                        try Combination(method: method, options: options),
                        terms.map { .init(digest: $0.digest, scale: Scale(number: $0.scale) ?? .one, prefixes: []) },
                        scale: Scale(number: scale) ?? .one)
                ], dtype: nil)
        }
        let ids =
            try CombinationMethod.all.map { try id($0.name) } + [
                id("dare_ties", [("seed", "1")]), id("dare_ties", [("seed", "2")]),
                id("dare_ties", [("density", "0.5")]),
                id("dare_ties", [("majority_sign", "frequency")]),
                id("dare_ties", [("density", "0.5"), ("seed", "1")]),
                id("svd", [("rank", "1")]), id("svd", [("rank", "2")]),
                id("sum", [], [("a", 1)]), id("sum", [], [("b", 1), ("a", 1)]), id("sum", [], [("a", 0.5), ("b", 1)]),
                id("sum", [], [("a", 1), ("b", 1), ("a", 1)]), id("sum", scale: 0.5),
                self.id([("a", 1, []), ("b", 1, [])]), self.id(),
            ]
        #expect(Set(ids).count == ids.count)
        #expect(try id("sum", scale: 0) == self.id())
        #expect(try id("sum", [], [("a", 0)]) == self.id())
        #expect(try id("sum", [], [("a", 1), ("c", 0), ("b", 1)]) == id("sum"))
        #expect(try id("dare_ties", [("seed", "0"), ("density", "1")]) == id("dare_ties"))
    }

    @Test("A chain has the id that it always had")
    func chainsKeepTheirIds() {
        // SHA-256 of the canonical text, computed by another program.
        #expect(
            id([("0a", 0.5, ["q=r", "p=s"]), ("0b", 1, []), ("0c", 0, [])], dtype: .f16)
                == "82c56f7a755a120d1ffac3f5a9072504f558ecfb")
        #expect(
            VariantIdentity.id(baseDigest: "b", entries: [], dtype: nil) == id())
    }

    @Test("What they do not depend on leaves it")
    func stays() {
        #expect(id([("a", 0, [])]) == id(), "strength 0 is not applied")
        #expect(id([("a", 0, []), ("b", 1, [])]) == id([("b", 1, [])]))
        #expect(id([("a", -0.0, [])]) == id())
        #expect(id([("a", 1, ["x=y", "p=q"])]) == id([("a", 1, ["p=q", "x=y"])]))
    }
}

@Suite("Small values of the engine")
struct EngineValueTests {
    @Test("A moment is written as RFC 3339 says")
    func dates() {
        #expect(Date(seconds: 0).text == "1970-01-01T00:00:00Z")
        #expect(Date(seconds: 951_827_696).text == "2000-02-29T12:34:56Z")
        #expect(Date(seconds: 4_102_444_799).text == "2099-12-31T23:59:59Z")
    }

    @Test("A prefix is text, an equals sign, and what it stands for")
    func prefixes() {
        #expect(Prefix("lora_te1=text_encoder")?.text == "lora_te1=text_encoder")
        #expect(Prefix("lycoris=")?.component == "")
        #expect(Prefix("a=b=c")?.component == "b=c")
        #expect(Prefix("=x") == nil && Prefix("x") == nil && Prefix("") == nil)
    }

    @Test("Names that could leave the folder are no names")
    func names() {
        for name in ["", "..", ".", "a/b", "/a", "a\u{0}", "a b", "ä", "-a", "_a", String(repeating: "a", count: 97)] {
            #expect(!Name.isValid(name), "\(name)")
        }
        for name in ["a", "A0", "a..b", "a.json", "0-._", String(repeating: "a", count: 96)] {
            #expect(Name.isValid(name), "\(name)")
        }
    }

    @Test("A tag is a name that cannot be taken for a digest")
    func tags() {
        for tag in ["prod", "v1", "g0", "release-3f2a", "3f2a."] { #expect(Name.isTag(tag), "\(tag)") }
        for tag in ["", "3f2a", "ABCDEF", "0", "-x", "a b"] { #expect(!Name.isTag(tag), "\(tag)") }
    }
}
