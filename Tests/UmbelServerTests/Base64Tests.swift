import Testing

@testable import UmbelServer

@Suite("Base64 of whole values")
struct Base64Tests {
    @Test(
        "The examples of RFC 4648, 10",
        arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
    func examples(_ text: String, _ coded: String) {
        #expect(Base64.text(Array(text.utf8)) == coded)
        #expect(Base64.bytes(coded) == Array(text.utf8))
        #expect(Base64.bytes("data:image/png;base64," + coded) == Array(text.utf8))
    }

    @Test("Every byte comes back")
    func whole() {
        let bytes = (0..<259).map { UInt8(truncatingIfNeeded: $0) }
        #expect(Base64.bytes(Base64.text(bytes)) == bytes)
    }

    @Test("What is no base64 is nothing", arguments: ["Z", "Zg=", "Z===", "Zm9v!", "data:,Zm9v", "Zm9v Zm9v"])
    func malformed(_ text: String) { #expect(Base64.bytes(text) == nil) }
}
