import Testing
import UmbelHTTP

struct FuzzMultipartTests {
    private static let dictionary = [
        "\r\n", "--b", "\r\n--", "\r\n--b\r\n", "\r", "\n", "-", "--b--", "\r\n\r\n", "\"",
    ]

    @Test("The parts of a form come out as they went in, however the form is cut")
    func reassembly() {
        Fuzz.run { generator, seed in
            var bytes: [UInt8] = []
            var expected: [ReadPart] = []
            for index in 0..<Int.random(in: 0...4, using: &generator) {
                let content = content(&generator)
                bytes += Array("\r\n--b\r\nContent-Disposition: form-data; name=\"n\(index)\"\r\n\r\n".utf8) + content
                expected.append(ReadPart(name: "n\(index)", content: String(decoding: content, as: UTF8.self)))
            }
            bytes += Array("\r\n--b--\r\n".utf8)
            let cuts = generator.cuts(of: bytes.count)
            let room = Int.random(in: 1...20, using: &generator)
            #expect(read(bytes, cuts, room) == .success(expected), "\(seed)")
        }
    }

    @Test("However a mutated form is cut, it reads the same or fails the same")
    func mutations() {
        Fuzz.run { generator, seed in
            var bytes = Array(MultipartReaderTests.form.utf8)
            generator.mutate(&bytes, dictionary: Self.dictionary)
            let whole = read(bytes, [], 64)
            let cut = read(bytes, generator.cuts(of: bytes.count), Int.random(in: 1...20, using: &generator))
            #expect(whole == cut, "\(seed)")
        }
    }

    /// Content made of what looks like boundaries, without being one.
    private func content(_ generator: inout SeededGenerator) -> [UInt8] {
        while true {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...12, using: &generator) {
                bytes += Array(
                    (["x", "\r", "\n", "-", "--b", "\r\n", "\r\n--", "b"].randomElement(using: &generator) ?? "").utf8)
            }
            // What surrounds the content counts: a delimiter may begin before it.
            let surrounded = Array("\r\n".utf8) + bytes + Array("\r\n--b".utf8)
            let delimiter = Array("\r\n--b".utf8)
            let found = surrounded.indices.filter { surrounded[$0...].starts(with: delimiter) }
            if found == [bytes.count + 2] { return bytes }
        }
    }

    private func read(_ bytes: [UInt8], _ cuts: [Int], _ room: Int) -> Result<[ReadPart], MultipartError> {
        Result { () throws(MultipartError) in try readForm(bytes, cuts: cuts, room: room) }
    }
}
