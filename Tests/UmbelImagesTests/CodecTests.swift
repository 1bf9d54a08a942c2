import Testing
import UmbelImages
import UmbelTesting

@Suite("Files of pictures")
struct CodecTests {
    @Test("A format is told by its first bytes, however few there are")
    func formats() throws {
        for encoding in Fixture.encodings {
            let file = try Picture.gradient(8, 8, 3).encoded(as: encoding)
            #expect(PictureFormat.of(file) == encoding.format)
            for count in 0..<3 { #expect(PictureFormat.of(file.prefix(count)) == nil) }
        }
        #expect(PictureFormat.of(Array("GIF89a".utf8)) == nil)
        #expect(throws: PictureError.unknownFormat) { try PictureFile(decoding: Array("GIF89a".utf8)) }
        #expect(throws: PictureError.unknownFormat) { try PictureFile(decoding: []) }
    }

    @Test("Without loss every sample comes back", arguments: [1, 3, 4])
    func lossless(channels: Int) throws {
        var generator = SeededGenerator(seed: 5)
        for (width, height) in [(1, 1), (17, 3), (64, 64)] {
            let picture = Picture.noise(width, height, channels, using: &generator)
            for compression in [0, 6, 9] {
                let file = try PictureFile(decoding: picture.encoded(as: .png(compression: compression)))
                #expect(file.picture == picture)
                #expect(file.format == .png)
            }
            let file = try PictureFile(decoding: picture.encoded(as: .webpLossless))
            #expect(file.picture == (channels == 1 ? picture.rgb : picture))
        }
    }

    @Test("With loss a better quality is longer and closer", arguments: [1, 3, 4])
    func lossy(channels: Int) throws {
        let picture = Picture.gradient(96, 80, channels)
        let makers: [(Int) -> PictureEncoding] = [{ .jpeg(quality: $0) }, { .webp(quality: $0) }]
        for make in makers {
            let (poor, good) = (make(5), make(95))
            let expected = good.format == .jpeg ? picture.flattened() : channels == 1 ? picture.rgb : picture
            let files = (try picture.encoded(as: poor), try picture.encoded(as: good))
            #expect(files.0.count < files.1.count)
            let far = try PictureFile(decoding: files.0).picture.meanDistance(to: expected)
            let near = try PictureFile(decoding: files.1).picture.meanDistance(to: expected)
            #expect(near < far)
            #expect(near < 3)
        }
    }

    @Test("Every kind of PNG is read to the sample, interlaced or not", arguments: try Fixture.pngKinds())
    func kinds(fixture: Fixture.File) throws {
        let file = try PictureFile(decoding: [UInt8](fixture.file))
        #expect(file.picture.channels == fixture.channels)
        #expect(file.picture == fixture.picture)
    }

    /// The decoders of JPEG and WebP are the same libraries in other versions, which may round colours otherwise.
    @Test(
        "Files of Pillow are read as Pillow reads them, upright and with their texts",
        arguments: try Fixture.byPillow().read)
    func pillow(fixture: Fixture.File) throws {
        let file = try PictureFile(decoding: [UInt8](fixture.file))
        #expect(try #require(file.picture.distance(to: fixture.picture)) <= (file.format == .png ? 0 : 2))
        #expect(file.text == fixture.texts)
        #expect(try PictureFile.text(of: [UInt8](fixture.file)) == fixture.texts)
    }

    @Test("What is not read is refused by name")
    func refused() throws {
        let refused = try Fixture.byPillow().refused
        #expect(throws: PictureError.unsupported(.jpeg, kind: "CMYK")) {
            try PictureFile(decoding: [UInt8](refused[0].file))
        }
        #expect(throws: PictureError.unsupported(.webp, kind: "animation")) {
            try PictureFile(decoding: [UInt8](refused[1].file))
        }
    }

    @Test("A picture beyond the limits is refused before it is decoded", arguments: Fixture.encodings)
    func limits(encoding: PictureEncoding) throws {
        let file = try Picture.gradient(40, 30, 3).encoded(as: encoding)
        let exact = PictureLimits(side: 40, pixels: 1200)
        #expect(try PictureFile(decoding: file, limits: exact).picture.width == 40)
        for limits in [PictureLimits(side: 39, pixels: 1200), PictureLimits(side: 40, pixels: 1199)] {
            #expect(throws: PictureError.tooLarge(width: 40, height: 30, limits: limits)) {
                // Half of the file: what is refused for its size has not been read so far.
                try PictureFile(decoding: Array(file.prefix(file.count * 3 / 4)), limits: limits)
            }
        }
    }

    @Test("A header that announces more than memory holds is refused by its size")
    func announcedSize() throws {
        var file = try Picture.gradient(2, 2, 3).encoded(as: .png())
        // Width and height, then the header's checksum, which has to fit.
        file.replaceSubrange(16..<24, with: [0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF])
        file.replaceSubrange(29..<33, with: PNGBytes.checksum(file[12..<29]))
        let side = Int(Int32.max)
        #expect(throws: PictureError.tooLarge(width: side, height: side, limits: .standard)) {
            try PictureFile(decoding: file)
        }
    }

    @Test("Sides beyond a format are refused")
    func beyondFormat() throws {
        let long = Picture(width: 16_384, height: 1, filledWith: [1, 2, 3])
        #expect(throws: PictureError.beyondFormat(.webp, width: 16_384, height: 1, side: 16_383)) {
            try long.encoded(as: .webpLossless)
        }
        #expect(try PictureFile(decoding: long.encoded(as: .png())).picture == long)
        let longer = Picture(width: 1, height: 65_501, filledWith: [1])
        #expect(throws: PictureError.beyondFormat(.jpeg, width: 1, height: 65_501, side: 65_500)) {
            try longer.encoded(as: .jpeg(quality: 90))
        }
    }
}
