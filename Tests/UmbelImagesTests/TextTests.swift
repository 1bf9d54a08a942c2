import Testing
import UmbelImages
import UmbelTesting

@Suite("Texts in files of pictures")
struct TextTests {
    static let texts = [
        "", "a red circle", "two\nlines, \"quoted\" \\ and\ttab", "größer", "圆 и 🙂\nSteps: 20", " spaces ",
        String(repeating: "long ", count: 2000),
    ]

    @Test("The parameters come back from every format", arguments: Fixture.encodings, texts)
    func parameters(encoding: PictureEncoding, parameters: String) throws {
        for channels in [1, 3, 4] {
            let picture = Picture.gradient(9, 7, channels)
            let plain = try PictureFile(decoding: picture.encoded(as: encoding))
            #expect(plain.text.isEmpty)
            let bytes = try picture.encoded(as: encoding, text: ["parameters": parameters])
            let file = try PictureFile(decoding: bytes)
            #expect(file.text == ["parameters": parameters])
            #expect(file.picture == plain.picture)
            #expect(try PictureFile.text(of: bytes) == file.text)
        }
    }

    @Test("An odd number of bytes of pixels, and opacity, leave a WebP readable behind its comment")
    func webpLayouts() throws {
        for size in 1...24 {
            for channels in [3, 4] {
                let picture = Picture.gradient(size, 3, channels)
                let bytes = try picture.encoded(as: .webpLossless, text: ["parameters": "x"])
                #expect(bytes.count % 2 == 0)
                let file = try PictureFile(decoding: bytes)
                // A single column is opaque, and comes back so.
                #expect(file.picture.rgba == picture.rgba)
                #expect(file.text == ["parameters": "x"])
            }
        }
    }

    @Test("A PNG takes texts under any keys that the format allows")
    func keys() throws {
        let picture = Picture.gradient(5, 5, 3)
        let texts = ["parameters": "a", "Comment": "größer", "workflow": "{\"圆\": 1}", "two words": ""]
        #expect(try PictureFile(decoding: picture.encoded(as: .png(), text: texts)).text == texts)
        let long = String(repeating: "k", count: 80)
        for key in ["", long, " a", "a ", "a  b", "圆", "a\nb", "a\0b", "a\u{A0}"] {
            #expect(throws: PictureError.textKey(.png, key: key)) {
                try picture.encoded(as: .png(), text: [key: "x"])
            }
        }
    }

    @Test("The other formats take the parameters only", arguments: Fixture.encodings.filter { $0.format != .png })
    func otherKeys(encoding: PictureEncoding) throws {
        #expect(throws: PictureError.textKey(encoding.format, key: "Comment")) {
            try Picture.gradient(5, 5, 3).encoded(as: encoding, text: ["parameters": "a", "Comment": "b"])
        }
    }

    @Test("A zero, which would end a text, is replaced", arguments: Fixture.encodings)
    func zeros(encoding: PictureEncoding) throws {
        let bytes = try Picture.gradient(5, 5, 3).encoded(as: encoding, text: ["parameters": "a\0b"])
        #expect(try PictureFile.text(of: bytes) == ["parameters": "a\u{FFFD}b"])
    }

    @Test("A text longer than a JPEG segment is refused, one that just fits is not")
    func longText() throws {
        let picture = Picture.gradient(5, 5, 3)
        // 52 bytes of structure and code before two bytes for each character.
        let limit = 65_527
        let longest = String(repeating: "x", count: (limit - 52) / 2)
        let file = try picture.encoded(as: .jpeg(quality: 90), text: ["parameters": longest])
        #expect(try PictureFile(decoding: file).text == ["parameters": longest])
        #expect(throws: PictureError.textTooLong(.jpeg, bytes: 52 + 2 * (longest.count + 1), limit: limit)) {
            try picture.encoded(as: .jpeg(quality: 90), text: ["parameters": longest + "x"])
        }
        let webp = try picture.encoded(as: .webp(quality: 90), text: ["parameters": longest + "x"])
        #expect(try PictureFile.text(of: webp) == ["parameters": longest + "x"])
    }

    @Test("A text chunk whose checksum is wrong is skipped")
    func wrongChecksum() throws {
        var file = try Picture.gradient(5, 5, 3).encoded(as: .png(), text: ["parameters": "abc"])
        let text = try #require(file.indices.first { file[$0...].starts(with: Array("abc".utf8)) })
        file[text] = UInt8(ascii: "x")
        #expect(try PictureFile(decoding: file).text.isEmpty)
    }
}
