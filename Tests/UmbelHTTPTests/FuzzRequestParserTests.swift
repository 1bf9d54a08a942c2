internal import HTTPTypes
import Testing
import UmbelHTTP

struct FuzzRequestParserTests {
    private static let dictionary = [
        "\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", ":", "Host: a\r\n", "Content-Length: 5\r\n",
        "Content-Length: 5, 6\r\n",
        "Transfer-Encoding: chunked\r\n", "HTTP/1.1", "HTTP/9.9", "%2F", "%00", "%", "/../", "http://", "*", "?", "#",
        "\0",
        "Expect: 100-continue\r\n", "Connection: close\r\n", "GET ", "[::1]:80",
    ]
    private static let seeds = RequestParserTests.cases.map { Array($0.text.utf8) }

    @Test("However a mutated request is cut, the parser says the same, and what it accepts is well-formed")
    func requests() {
        var limits = HTTPLimits()
        limits.requestLineBytes = 100
        limits.headerBytes = 200
        limits.headerCount = 5
        Fuzz.run { generator, seed in
            var bytes = Self.seeds.randomElement(using: &generator) ?? []
            bytes += Bool.random(using: &generator) ? Self.seeds.randomElement(using: &generator) ?? [] : []
            generator.mutate(&bytes, dictionary: Self.dictionary)
            let whole = parse(bytes, limits: limits)
            #expect(parse(bytes, cuts: generator.cuts(of: bytes.count), limits: limits) == whole, "\(seed)")
            #expect(parse(bytes, cuts: Array(bytes.indices), limits: limits) == whole, "\(seed)")
            for head in whole.compactMap(\.head) {
                #expect(head.headers.count <= limits.headerCount, "\(seed)")
                #expect(head.target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "\(seed)")
                #expect(!head.location.path.contains { $0 == ".." || $0.contains("\0") }, "\(seed)")
                #expect(head.headers[.transferEncoding] == nil || head.framing == .chunked, "\(seed)")
            }
        }
    }

    @Test("However mutated chunks are cut, they decode the same or fail the same")
    func chunks() {
        let text = "5\r\nhello\r\n00b;name=\"v\" \r\n, big world\r\n0\r\nX: y\r\n\r\n"
        Fuzz.run { generator, seed in
            var bytes = Array(text.utf8)
            generator.mutate(
                &bytes, dictionary: ["\r\n", "0\r\n\r\n", "f\r\n", ";", "\n", "ffffffffffffffff", "1\r\nx\r\n"])
            let whole = decode(bytes, cuts: [], room: 256)
            let cut = decode(
                bytes, cuts: generator.cuts(of: bytes.count), room: Int.random(in: 1...9, using: &generator))
            #expect(whole == cut, "\(seed)")
        }
    }

    private struct Decoded: Equatable {
        var body: [UInt8] = []
        var consumed = 0
        var isFinished = false
        var failure: ChunkedDecoder.Failure?
    }

    private func decode(_ bytes: [UInt8], cuts: [Int], room: Int) -> Decoded {
        var decoder = ChunkedDecoder()
        var decoded = Decoded()
        var output = [UInt8](repeating: 0, count: room)
        for end in cuts + [bytes.count] {
            while decoded.consumed < end && !decoder.isFinished {
                let step = bytes[decoded.consumed..<end].withUnsafeBytes { input in
                    output.withUnsafeMutableBytes { output in
                        Result { () throws(ChunkedDecoder.Failure) in try decoder.decode(input, into: output) }
                    }
                }
                switch step {
                case .success(let (consumed, produced)):
                    decoded.consumed += consumed
                    decoded.body += output.prefix(produced)
                case .failure(let failure):
                    // How much was taken and produced before a failure is nobody's business.
                    return Decoded(failure: failure)
                }
            }
        }
        decoded.isFinished = decoder.isFinished
        return decoded
    }
}
