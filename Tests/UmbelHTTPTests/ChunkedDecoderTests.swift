import Testing
import UmbelHTTP

struct ChunkedDecoderTests {
    /// Decodes `bytes` given in pieces of `step`, with room for `room` bytes at a time.
    private func decode(_ text: String, step: Int = .max, room: Int = 64) throws -> (
        body: String, rest: Int, done: Bool
    ) {
        var decoder = ChunkedDecoder()
        var body: [UInt8] = []
        var waiting: [UInt8] = []
        var input = Array(text.utf8)[...]
        var output = [UInt8](repeating: 0, count: room)
        while !decoder.isFinished {
            if waiting.isEmpty && input.isEmpty { break }
            waiting += input.prefix(step)
            input = input.dropFirst(step)
            let (consumed, produced) = try waiting.withUnsafeBytes { bytes in
                try output.withUnsafeMutableBytes { try decoder.decode(bytes, into: $0) }
            }
            waiting.removeFirst(consumed)
            body += output.prefix(produced)
        }
        return (String(decoding: body, as: UTF8.self), waiting.count + input.count, decoder.isFinished)
    }

    @Test("Chunks, extensions and trailers decode the same in pieces of any size", arguments: 1...40)
    func pieces(step: Int) throws {
        let text = "5\r\nhello\r\n00b;name=\"v\" \r\n, big world\r\n0\r\nX: y\r\nZ: w\r\n\r\nGET"
        for room in [1, 3, 64] {
            let (body, rest, done) = try decode(text, step: step, room: room)
            #expect(body == "hello, big world")
            #expect(rest == 3)
            #expect(done)
        }
    }

    @Test("A body without its last chunk is not finished")
    func unfinished() throws {
        #expect(try !decode("3\r\nabc\r\n").done)
    }

    @Test(
        "Bad chunks are refused",
        arguments: [
            "\r\n", "g\r\n", "-1\r\n", "0x1\r\n", " 1\r\n", "1 x\r\n", "1\na\r\n", "1000000000000000\r\n",
            "3\r\nabcd\r\n", "3\r\nabc\n", "1;a\rb\r\n", "0\r\nX: y\n\r\n",
            "1;" + String(repeating: "x", count: 5000),
            "0\r\n" + String(repeating: "X: \(String(repeating: "y", count: 90))\r\n", count: 200),
        ])
    func malformed(text: String) {
        #expect(throws: ChunkedDecoder.Failure.self) { try decode(text) }
    }
}
