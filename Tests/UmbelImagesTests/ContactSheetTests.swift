import Testing
import UmbelTesting

@testable import UmbelImages

@Suite("Contact sheets")
struct ContactSheetTests {
    static func cells(_ columns: Int, _ rows: Int, size: Int = 64) -> [[Picture?]] {
        (0..<rows).map { row in
            (0..<columns).map { column in
                Picture(width: size, height: size, filledWith: [UInt8(40 * column), UInt8(40 * row), 90])
            }
        }
    }

    @Test("Every picture is on the sheet, whole and in its place")
    func places() throws {
        let sheet = ContactSheet(
            title: "a red circle", columns: ["0.0", "0.5", "1.0"], rows: ["ink", "tilt"], pictures: Self.cells(3, 2))
        let layout = SheetLayout(sheet)
        let drawn = try sheet.drawn()
        for row in 0..<2 {
            for column in 0..<3 {
                let (x, y) = layout.corner(column: column, row: row)
                #expect(drawn.cropped(x: x, y: y, width: 64, height: 64) == sheet.pictures[row][column])
            }
        }
        #expect(drawn.width == layout.width && drawn.height == layout.height)
    }

    @Test("Labels are drawn: each part of the sheet that they have is inked, and without them there is no such part")
    func labels() throws {
        let ink: [UInt8] = [30, 30, 30]
        func inked(_ picture: Picture) -> Bool {
            (0..<picture.height).contains { y in
                (0..<picture.width).contains { x in picture[x, y].elementsEqual(ink) }
            }
        }
        let bare = ContactSheet(pictures: Self.cells(2, 2))
        #expect(!inked(try bare.drawn()))
        #expect(SheetLayout(bare).top == 8 && SheetLayout(bare).left == 8)
        let labelled = ContactSheet(title: "t", columns: ["c", "d"], rows: ["r", "s"], pictures: Self.cells(2, 2))
        let layout = SheetLayout(labelled)
        let drawn = try labelled.drawn()
        #expect(inked(drawn.cropped(x: 0, y: 0, width: drawn.width, height: 30)))
        #expect(inked(drawn.cropped(x: layout.left, y: layout.top - 15, width: 64, height: 15)))
        #expect(inked(drawn.cropped(x: 0, y: layout.top, width: layout.left, height: 64)))
    }

    @Test("Smaller pictures are centred, with other channels too, and empty places are shown")
    func mixedSizes() throws {
        let small = Picture(width: 10, height: 20, filledWith: [77])
        let sheet = ContactSheet(pictures: [[Picture(width: 40, height: 40, filledWith: [1, 2, 3]), small, nil]])
        let drawn = try sheet.drawn()
        let layout = SheetLayout(sheet)
        let (x, y) = layout.corner(column: 1, row: 0)
        #expect(drawn.cropped(x: x + 15, y: y + 10, width: 10, height: 20) == small.rgb)
        #expect(Array(drawn[x + 14, y + 10]) == [250, 250, 250])
        let empty = layout.corner(column: 2, row: 0)
        #expect(Array(drawn[empty.x, empty.y]) == [232, 232, 232])
    }

    @Test("A sheet without anything is a sheet, one beyond the limits an error")
    func extremes() throws {
        #expect(try ContactSheet(pictures: []).drawn().width == 17)
        let limits = PictureLimits(side: 100, pixels: 10_000)
        let sheet = ContactSheet(pictures: Self.cells(2, 1))
        #expect(throws: PictureError.tooLarge(width: 148, height: 80, limits: limits)) {
            try sheet.drawn(limits: limits)
        }
    }

    @Test("Larger pictures have larger labels", arguments: [(64, 1), (256, 1), (512, 2), (1024, 4)])
    func scales(size: Int, scale: Int) {
        #expect(SheetLayout(ContactSheet(pictures: Self.cells(1, 1, size: size))).scale == scale)
    }

    @Test("Text is broken at spaces and cut with an ellipsis")
    func lines() {
        #expect(TextLines.wrapped("", columns: 5, limit: 2) == [])
        #expect(TextLines.wrapped("one two three", columns: 7, limit: 3) == ["one two", "three"])
        #expect(TextLines.wrapped("one two three", columns: 7, limit: 1) == ["one tw…"])
        #expect(TextLines.wrapped("abcdefghij", columns: 4, limit: 3) == ["abcd", "efgh", "ij"])
        #expect(TextLines.wrapped("abcdefghij", columns: 4, limit: 2) == ["abcd", "efg…"])
        #expect(TextLines.wrapped("a b", columns: 1, limit: 1) == ["…"])
        let reference = TextLines.wrapped("shapes-sd+ink:0.8 at 1", columns: 11, limit: 3)
        #expect(reference == ["shapes-sd+", "ink:0.8 at", "1"])
        #expect(TextLines.wrapped("a--b", columns: 2, limit: 3) == ["a-", "-b"])
    }

    @Test("No line is longer than it may be, and what fits is all there")
    func linesFit() {
        Fuzz.run { generator, seed in
            let words = (0..<Int.random(in: 0...8, using: &generator)).map { _ in
                String(repeating: "w", count: Int.random(in: 1...9, using: &generator))
            }
            let columns = Int.random(in: 1...12, using: &generator)
            let limit = Int.random(in: 1...5, using: &generator)
            let lines = TextLines.wrapped(words.joined(separator: " "), columns: columns, limit: limit)
            #expect(lines.count <= limit && lines.allSatisfy { $0.count <= columns }, "\(seed)")
            let isCut = lines.last?.hasSuffix("…") == true
            if !isCut {
                let letters = lines.joined().filter { $0 == "w" }.count
                #expect(letters == words.joined().count, "\(seed)")
            }
        }
    }

    @Test("Every printable character of ASCII has a drawing of its own; all others are one box")
    func glyphs() {
        func drawing(_ text: String) -> Picture {
            var picture = Picture(width: 6, height: 11, filledWith: [255])
            BitmapFont.draw(text, on: &picture, x: 0, y: 0, scale: 1, colour: [0])
            return picture
        }
        let characters = (0x20...0x7E as ClosedRange<UInt8>).map { String(UnicodeScalar($0)) } + ["…", "圆"]
        #expect(Set(characters.map(drawing)).count == characters.count)
        for other in ["é", "🙂", "\u{1}", "\n"] { #expect(drawing(other) == drawing("圆")) }
        #expect(drawing(" ") == Picture(width: 6, height: 11, filledWith: [255]))
        for character in characters { #expect(drawing(character)[5, 3].elementsEqual([255])) }
    }
}
