import Testing
import UmbelFormats

@Suite("JSON")
struct JSONTests {
    @Test(
        "A value reads and writes back",
        arguments: [
            "null", "true", "[]", "{}", "[1,-2.5e3,0]", "{\"a\":{\"b\":[false,\"x\"]}}", "\"\\u00e9\\ud83d\\ude00\\n\"",
            "18446744073709551615", "{\"z\":1,\"a\":2}",
        ])
    func roundTrip(_ text: String) throws {
        let value = try JSON(parsing: text)
        #expect(try JSON(parsing: value.text) == value)
        #expect(try JSON(parsing: value.prettyText) == value)
    }

    @Test(
        "What is no JSON is refused at its place",
        arguments: [
            ("", JSONError.unexpectedEnd), ("[1,]", .unexpected(offset: 3)), ("{\"a\":1,}", .unexpected(offset: 7)),
            ("01", .unexpected(offset: 1)), ("+1", .unexpected(offset: 0)), ("1.", .unexpectedEnd),
            ("tru", .unexpectedEnd),
            ("\"\u{1}\"", .unexpected(offset: 1)), ("\"\\x\"", .unexpected(offset: 2)),
            ("[1] 2", .unexpected(offset: 4)),
            ("{\"a\":1,\"a\":1}", .duplicateName("a")), ("NaN", .unexpected(offset: 0)),
            ("'a'", .unexpected(offset: 0)),
        ])
    func malformed(_ text: String, _ expected: JSONError) {
        #expect(throws: expected) { try JSON(parsing: text) }
    }

    @Test("Nesting is bounded, so that the stack is")
    func depth() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.tooDeep(offset: 64)) { try JSON(parsing: deep) }
        #expect(throws: JSONError.notUTF8(offset: 1)) { try JSON(parsing: [0x22, 0xff, 0x22]) }
        #expect(throws: JSONError.self) { try JSON(parsing: "\"\\ud800\"") }
    }
}
