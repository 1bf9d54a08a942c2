/// A font of our own for labels: printable ASCII on 5 × 9 points, drawn larger by whole factors.
enum BitmapFont {
    /// Points from one character to the next, and from one line to the next.
    static let advance = 6
    static let lineHeight = 11

    private static let glyphWidth = 5
    private static let glyphHeight = 9
    private static let firstCode: UInt8 = 0x20
    private static let lastCode: UInt8 = 0x7E

    /// Each glyph's rows from the top, each as its points from the left: printable ASCII in order, ellipsis, box.
    private static let glyphs: [[[Bool]]] = {
        let lines = Glyphs.drawings.split(separator: "\n").map { Array($0.utf8) }
        return stride(from: 0, to: lines.count, by: glyphHeight).flatMap { top in
            let band = lines[top..<top + glyphHeight]
            let columns = (lines[top].count + 1) / advance
            return (0..<columns).map { column in
                band.map { line in
                    line[column * advance..<column * advance + glyphWidth].map { $0 == UInt8(ascii: "#") }
                }
            }
        }
    }()

    private static func glyph(_ character: Character) -> [[Bool]] {
        if let code = character.asciiValue, (firstCode...lastCode).contains(code) {
            return glyphs[Int(code - firstCode)]
        }
        let ellipsis = Int(lastCode - firstCode) + 1
        return glyphs[character == "…" ? ellipsis : ellipsis + 1]
    }

    /// Draws a line of text whose first point is at column `x` of row `y`, each point `scale` × `scale` pixels. What
    /// would be outside of the picture is left away.
    ///
    /// - Precondition: as many samples in the colour as the picture has channels.
    static func draw(_ text: String, on picture: inout Picture, x: Int, y: Int, scale: Int, colour: [UInt8]) {
        let point = Picture(width: scale, height: scale, filledWith: colour)
        for (index, character) in text.enumerated() {
            for (row, points) in glyph(character).enumerated() {
                for (column, isSet) in points.enumerated() where isSet {
                    picture.paste(point, x: x + (index * advance + column) * scale, y: y + row * scale)
                }
            }
        }
    }
}
