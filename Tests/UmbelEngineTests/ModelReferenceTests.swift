import Testing
import UmbelEngine
import UmbelTensor
import UmbelTesting

@Suite("Model references and identities")
struct ModelReferenceTests {
    @Test(
        "A reference reads into base and terms, and back into its shortest text",
        arguments: [
            ("shapes-sd", "shapes-sd", 0), ("a+b", "a+b", 1), ("a+b:0.8", "a+b:0.8", 1), ("a+b:1.0", "a+b", 1),
            ("a+b@3f2a:-0.5", "a+b@3f2a:-0.5", 1), ("a+b:+0.5+c", "a+b:0.5+c", 2),
            ("a+b:1e+2+c:2e-1", "a+b:100+c:0.2", 2),
            ("a+b:-0", "a+b:0", 1), ("9.x_y-z+b", "9.x_y-z+b", 1),
        ])
    func parses(_ text: String, _ canonical: String, _ terms: Int) throws {
        let reference = try ModelReference(text)
        #expect(reference.text == canonical)
        #expect(reference.terms.count == terms)
        #expect(try ModelReference(reference.text) == reference)
    }

    @Test(
        "What is no reference says which part is wrong",
        arguments: [
            ("", ReferenceError.empty), ("+a", .invalidName("")), ("a+", .invalidName("")),
            ("a/b", .invalidName("a/b")),
            ("a+b:x", .invalidScale("x")), ("a+b:nan", .invalidScale("nan")), ("a+b:inf", .invalidScale("inf")),
            ("a+b:1e999", .invalidScale("1e999")), ("a+b:0x10", .invalidScale("0x10")), ("a+b:", .invalidScale("")),
            ("a+b@XY", .invalidDigest("XY")), ("a+b@", .invalidDigest("")), ("..", .invalidName("..")),
            ("a+" + String(repeating: "b", count: 97), .invalidName(String(repeating: "b", count: 97))),
        ])
    func refuses(_ text: String, _ expected: ReferenceError) {
        #expect(throws: expected) { try ModelReference(text) }
    }

    @Test("Random references never crash, and what is accepted is stable")
    func fuzz() throws {
        var fuzzer = Fuzzer()
        let seeds = ["shapes-sd+outline:0.8+tilt@3f2a9c1b:-0.5", "a+b:1e+2"].map { Array($0.utf8) }
        try fuzzer.run(seeds) { bytes in
            guard let reference = try? ModelReference(String(decoding: bytes, as: UTF8.self)) else { return }
            let again = try ModelReference(reference.text)
            #expect(again == reference)
        }
    }

    @Test("An id depends on what changes the bytes, and on nothing else")
    func identity() throws {
        func id(_ terms: [(String, Double)], base: String = "b", prefixes: [String] = [], dtype: DType? = nil) throws
            -> String
        {
            VariantIdentity.id(
                baseDigest: base,
                terms: try terms.map {
                    .init(
                        digest: $0.0, scale: try #require(Scale(number: $0.1)),
                        prefixes: prefixes.compactMap(Prefix.init))
                }, dtype: dtype)
        }
        let plain = try id([("x", 0.5)])
        #expect(plain.count == 40 && plain.allSatisfy { $0.isHexDigit })
        #expect(try id([("x", 0.5), ("y", 0)]) == plain, "scale 0 is not applied")
        #expect(try id([("x", 0)]) == id([]))
        #expect(try id([("x", 0.5)], base: "c") != plain)
        #expect(try id([("x", 0.25)]) != plain)
        #expect(try id([("x", 0.5)], dtype: .bf16) != plain)
        #expect(try id([("x", 0.5)], prefixes: ["a=b"]) != plain)
        #expect(try id([("x", 0.5), ("y", 1)]) != id([("y", 1), ("x", 0.5)]), "order matters")
    }
}
