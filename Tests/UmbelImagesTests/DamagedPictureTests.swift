import Testing
import UmbelImages
import UmbelTesting

@Suite("Damaged pictures")
struct DamagedPictureTests {
    /// Small pictures of each format and kind, with texts where there can be some.
    static func seeds() throws -> [[UInt8]] {
        let text = ["parameters": "a red circle 圆\nSteps: 20, Sampler: Euler a, Seed: 1"]
        let written = try Fixture.encodings.flatMap { encoding in
            try [1, 3, 4].map { try Picture.gradient(24, 20, $0).encoded(as: encoding, text: text) }
        }
        let read = try Fixture.byPillow()
        let kinds = try Fixture.pngKinds().map { [UInt8]($0.file) }
        return written + read.read.map { [UInt8]($0.file) } + read.refused.map { [UInt8]($0.file) } + kinds
    }

    /// A picture as its header says, or an error: anything else would end the process.
    static func tryDecoding(_ bytes: [UInt8]) {
        let limits = PictureLimits(side: 4096, pixels: 1 << 20)
        guard let file = try? PictureFile(decoding: bytes, limits: limits) else { return }
        let picture = file.picture
        #expect(picture.bytes.count == picture.width * picture.height * picture.channels)
        #expect(picture.width * picture.height <= limits.pixels)
    }

    @Test("A file that ends early is an error wherever it ends", arguments: Fixture.encodings)
    func truncated(encoding: PictureEncoding) throws {
        let file = try Picture.gradient(24, 20, 3).encoded(as: encoding, text: ["parameters": "a red circle"])
        for count in 0..<file.count {
            #expect(throws: PictureError.self) { try PictureFile(decoding: Array(file.prefix(count))) }
        }
    }

    @Test("Damaged pixels of a PNG are told as damaged")
    func damagedPixels() throws {
        var file = try Picture.gradient(24, 20, 3).encoded(as: .png())
        file[60] ^= 1
        let error = #expect(throws: PictureError.self) { try PictureFile(decoding: file) }
        guard case .damaged(.png, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test("Bytes changed at random give a picture or an error, and so do texts")
    func fuzz() throws {
        var fuzzer = Fuzzer()
        try fuzzer.run(Self.seeds()) { bytes in
            Self.tryDecoding(bytes)
            _ = try? PictureFile.text(of: bytes)
        }
    }

    @Test("So do bits changed in PNG chunks whose checksums are made to fit")
    func fuzzBehindChecksums() throws {
        let seeds = try Self.seeds().filter { PictureFormat.of($0) == .png }
        var fuzzer = Fuzzer()
        try fuzzer.run(seeds) { bytes in Self.tryDecoding(PNGBytes.withChecksums(bytes)) }
    }

    @Test("A compressed text that becomes enormous is left out, and the picture is read")
    func textBomb() throws {
        // A transparent picture's pixels are 64 MiB of zeros, in a zlib stream of some 65 kB.
        let picture = Picture(width: 4096, height: 4096, filledWith: [0, 0, 0, 0])
        let pixels = try PNGBytes.chunks(picture.encoded(as: .png(compression: 9))).filter { $0.kind == "IDAT" }
        let stream = pixels.flatMap(\.data)
        let bomb = PNGBytes.chunk("zTXt", Array("parameters".utf8) + [0, 0] + stream)
        let small = try Picture.gradient(4, 4, 3).encoded(as: .png())
        let file = try PictureFile(decoding: Array(small[..<33]) + bomb + small[33...])
        #expect(file.text.isEmpty)
        #expect(file.picture == .gradient(4, 4, 3))
        #expect(stream.count < 100_000)
    }

    @Test("A JPEG of endlessly many scans is refused")
    func scans() throws {
        let progressive = try #require(Fixture.byPillow().read.first { $0.name == "JPEG, progressive" })
        let file = [UInt8](progressive.file)
        // The last scan, repeated before the end marker.
        let start = try #require(file.indices.last { $0 + 1 < file.count && file[$0] == 0xFF && file[$0 + 1] == 0xDA })
        let scan = file[start..<file.count - 2]
        let many = Array(file.dropLast(2)) + Array(repeatElement(scan, count: 200).joined()) + [0xFF, 0xD9]
        #expect(throws: PictureError.self) { try PictureFile(decoding: many) }
    }
}
