import Foundation
import Testing

@testable import UmbelServer

@Suite("Base64 in pieces")
struct Base64DecoderTests {
    private func decode(_ text: String) -> [UInt8]? {
        var decoder = Base64Decoder()
        var bytes: [UInt8] = []
        for byte in text.utf8 where !decoder.decode(byte, into: &bytes) { return nil }
        return decoder.isComplete ? bytes : nil
    }

    @Test("Every length gives back what Foundation encoded", arguments: 0..<20)
    func lengths(_ count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 89 &+ 251) }
        #expect(decode(Data(bytes).base64EncodedString()) == bytes)
    }

    @Test("Every byte gives itself back")
    func bytes() {
        let all = Array(UInt8.min...UInt8.max)
        #expect(decode(Data(all).base64EncodedString()) == all)
    }

    @Test(
        "What is no base64 is refused",
        arguments: ["A", "AA", "AAA", "A=", "=", "====", "A===", "AA=A", "AA==A", "AAAA=", "A-_A", "AA AA", "ÄÄ"])
    func malformed(_ text: String) {
        #expect(decode(text) == nil)
    }
}
