import Testing
import UmbelFormats
import UmbelTesting

@Suite("JSON")
struct JSONTests {
    static let valid: [(text: String, value: JSON)] = [
        ("null", .null), (" true ", .bool(true)), ("\tfalse\r\n", .bool(false)), ("0", .number("0")),
        ("-0", .number("-0")),
        ("12.50e+3", .number("12.50e+3")), ("1E-7", .number("1E-7")), ("-1.5", .number("-1.5")),
        ("123456789012345678901234567890", .number("123456789012345678901234567890")), ("\"\"", .string("")),
        (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{c}\n\r\t")), (#""\u0041\u00e9\u20ac""#, .string("Aé€")),
        (#""\ud83d\ude00""#, .string("😀")), (#""\uD834\uDD1E""#, .string("𝄞")), ("\"ü😀\"", .string("ü😀")),
        (#""\u0000""#, .string("\0")), ("[]", .array([])), ("[ ]", .array([])), ("{}", .object([])),
        ("{ }", .object([])),
        ("[1, [2], {}]", .array([.number("1"), .array([.number("2")]), .object([])])),
        (#"{"b":1,"a":{"b":null}}"#, .object([.init("b", .number("1")), .init("a", .object([.init("b", .null)]))])),
        (#"{"":""}"#, .object([.init("", .string(""))])),
    ]

    @Test("A valid text is read", arguments: valid.indices)
    func validTexts(_ index: Int) throws {
        #expect(try JSON(parsing: Self.valid[index].text) == Self.valid[index].value)
    }

    static let invalid: [(text: String, error: JSONError)] = [
        ("", .unexpectedEnd), ("  ", .unexpectedEnd), ("nul", .unexpectedEnd), ("nulL", .unexpected(offset: 3)),
        ("True", .unexpected(offset: 0)), ("1 2", .unexpected(offset: 2)), ("01", .unexpected(offset: 1)),
        ("-", .unexpectedEnd), ("+1", .unexpected(offset: 0)), (".5", .unexpected(offset: 0)), ("1.", .unexpectedEnd),
        ("1.e5", .unexpected(offset: 2)), ("1e", .unexpectedEnd), ("1e+", .unexpectedEnd),
        ("0x10", .unexpected(offset: 1)),
        ("NaN", .unexpected(offset: 0)), ("Infinity", .unexpected(offset: 0)), ("-Infinity", .unexpected(offset: 1)),
        ("'a'", .unexpected(offset: 0)), ("\"a", .unexpectedEnd), ("\"\n\"", .unexpected(offset: 1)),
        ("\"\u{1f}\"", .unexpected(offset: 1)), (#""\x""#, .unexpected(offset: 2)), (#""\u12"#, .unexpectedEnd),
        (#""\u12g4""#, .unexpected(offset: 5)), (#""\ud83d""#, .unexpected(offset: 7)),
        (#""\ud83dx""#, .unexpected(offset: 7)), (#""\ud83d\n""#, .unexpected(offset: 8)),
        (#""\ud83d\u0041""#, .unexpected(offset: 13)), (#""\ude00\ud83d""#, .unexpected(offset: 13)),
        (#""\ude00""#, .unexpected(offset: 7)), ("[1,]", .unexpected(offset: 3)), ("[,1]", .unexpected(offset: 1)),
        ("[1 2]", .unexpected(offset: 3)), ("[1", .unexpectedEnd), ("]", .unexpected(offset: 0)),
        ("{\"a\":1,}", .unexpected(offset: 7)), ("{a:1}", .unexpected(offset: 1)),
        ("{\"a\" 1}", .unexpected(offset: 5)),
        ("{\"a\":}", .unexpected(offset: 5)), ("{1:2}", .unexpected(offset: 1)), ("// c\n1", .unexpected(offset: 0)),
        ("\u{feff}1", .unexpected(offset: 0)), ("{\"a\":1,\"b\":2,\"a\":3}", .duplicateName("a")),
        (#"{"a":1,"\u0061":2}"#, .duplicateName("a")), ("[{\"x\":{\"a\":1,\"a\":1}}]", .duplicateName("a")),
    ]

    @Test("An invalid text is refused where it goes wrong", arguments: invalid.indices)
    func invalidTexts(_ index: Int) {
        #expect(throws: Self.invalid[index].error, "\(Self.invalid[index].text)") {
            try JSON(parsing: Self.invalid[index].text)
        }
    }

    @Test(
        "Bytes that are no UTF-8 are refused with their place",
        arguments: [
            ([0x22, 0xff, 0x22], 1), ([0xc0, 0x80], 0), ([0x22, 0xed, 0xa0, 0x80, 0x22], 1), ([0x22, 0xe2, 0x82], 1),
        ])
    func notUTF8(bytes: [UInt8], offset: Int) {
        #expect(throws: JSONError.notUTF8(offset: offset)) { try JSON(parsing: bytes) }
    }

    @Test("Values nest 64 deep and no deeper", arguments: ["[", "{\"a\":"])
    func depth(_ open: String) throws {
        let close = open == "[" ? "]" : "}"
        func nested(_ depth: Int) -> String {
            String(repeating: open, count: depth - 1) + "1" + String(repeating: close, count: depth - 1)
        }
        #expect((try? JSON(parsing: nested(64))) != nil)
        #expect(throws: JSONError.tooDeep(offset: 64 * open.utf8.count)) { try JSON(parsing: nested(65)) }
    }

    @Test("Names that are the same text in other code points are one name twice")
    func namesAreCompared() {
        // é as one character and as a letter with an accent. Swift's strings are equal then, so every table by name further
        // on would mix the two up: refused here, once.
        #expect(throws: JSONError.duplicateName("\u{e9}")) { try JSON(parsing: "{\"\u{e9}\":1,\"e\u{301}\":2}") }
    }

    @Test("Accessors give a value of their type and nothing else")
    func accessors() throws {
        let value = try JSON(
            parsing: #"{"s":"x","n":5,"d":1.5,"b":true,"a":["p","q"],"m":[1,"q"],"z":null,"big":9223372036854775808}"#)
        #expect(value["s"]?.string == "x" && value["s"]?.integer == nil)
        #expect(value["n"]?.integer == 5 && value["n"]?.double == 5 && value["n"]?.string == nil)
        #expect(value["d"]?.double == 1.5 && value["d"]?.integer == nil)
        #expect(value["b"]?.bool == true && value["n"]?.bool == nil)
        #expect(value["a"]?.strings == ["p", "q"] && value["m"]?.strings == nil)
        #expect(value["z"]?.isNull == true && value["none"] == nil)
        #expect(value["big"]?.integer == nil)
        #expect(value["s"]?["x"] == nil)
    }

    @Test("Numbers are written so that they read back")
    func numbers() throws {
        for number in [0, -0.0, 1, 0.1, -2.5e-300, 1e300, .pi, 123456789012345680, Double.leastNonzeroMagnitude] {
            #expect(try JSON(parsing: JSON(number).text).double == number)
        }
        #expect(JSON(Double.nan) == .null && JSON(Double.infinity) == .null)
        #expect(JSON(3.0).text == "3")
        #expect(JSON(Int.max).integer == .max)
    }

    @Test("Texts are escaped so that they read back, compact and pretty")
    func escapes() throws {
        let value: JSON = [
            "all": .string(String(String.UnicodeScalarView((0..<0x250).compactMap(Unicode.Scalar.init)))), "empty": [],
            "nested": ["a": ["b": [1, 2, .null]], "none": .object([])], "😀": "\u{2028}",
        ]
        #expect(try JSON(parsing: value.text) == value)
        #expect(try JSON(parsing: value.prettyText) == value)
        #expect(JSON.object([.init("a", [1, 2])]).text == #"{"a":[1,2]}"#)
        #expect(JSON.object([.init("a", [1])]).prettyText == "{\n  \"a\": [\n    1\n  ]\n}\n")
    }
}
