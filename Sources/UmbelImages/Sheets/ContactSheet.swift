/// Pictures in a grid with labels, to be compared by looking at them.
package struct ContactSheet: Sendable {
    /// Above everything; empty for none. It is wrapped, and cut after some lines.
    package var title: String
    /// One for each column, from the left; none if they need no labels.
    package var columns: [String]
    /// One for each row, from the top.
    package var rows: [String]
    /// By row, then by column. All cells are as large as the largest picture; smaller ones are centred. nil is an empty
    /// place.
    package var pictures: [[Picture?]]

    package init(title: String = "", columns: [String] = [], rows: [String] = [], pictures: [[Picture?]]) {
        self.title = title
        self.columns = columns
        self.rows = rows
        self.pictures = pictures
    }

    private static let paper: [UInt8] = [250, 250, 250]
    private static let ink: [UInt8] = [30, 30, 30]
    private static let emptyPlace: [UInt8] = [232, 232, 232]

    /// The sheet in three channels. Characters beyond ASCII are shown as boxes.
    package func drawn(limits: PictureLimits = .standard) throws(PictureError) -> Picture {
        let layout = SheetLayout(self)
        try limits.check(width: layout.width, height: layout.height)
        var sheet = Picture(width: layout.width, height: layout.height, filledWith: Self.paper)
        drawTitle(layout, on: &sheet)
        drawLabels(layout, on: &sheet)
        for (row, line) in pictures.enumerated() {
            for (column, picture) in line.enumerated() {
                drawCell(picture, at: layout.corner(column: column, row: row), layout, on: &sheet)
            }
        }
        return sheet
    }

    private func drawTitle(_ layout: SheetLayout, on sheet: inout Picture) {
        Self.draw(layout.titleLines, x: layout.margin, y: layout.margin, scale: layout.titleScale, on: &sheet)
    }

    private func drawLabels(_ layout: SheetLayout, on sheet: inout Picture) {
        let (character, line) = (BitmapFont.advance * layout.scale, BitmapFont.lineHeight * layout.scale)
        for (column, lines) in layout.columnLines.enumerated() {
            let corner = layout.corner(column: column, row: 0)
            for (index, text) in lines.enumerated() {
                // The last point of a character's advance is empty.
                let x = corner.x + (layout.cellWidth - text.count * character + layout.scale) / 2
                let y = corner.y - layout.gap - (lines.count - index) * line
                Self.draw([text], x: x, y: y, scale: layout.scale, on: &sheet)
            }
        }
        for (row, lines) in layout.rowLines.enumerated() {
            let y = layout.corner(column: 0, row: row).y + (layout.cellHeight - lines.count * line) / 2
            Self.draw(lines, x: layout.margin, y: y, scale: layout.scale, on: &sheet)
        }
    }

    private func drawCell(
        _ picture: Picture?, at corner: (x: Int, y: Int), _ layout: SheetLayout, on sheet: inout Picture
    ) {
        guard let picture else {
            let place = Picture(width: layout.cellWidth, height: layout.cellHeight, filledWith: Self.emptyPlace)
            return sheet.paste(place, x: corner.x, y: corner.y)
        }
        let (x, y) = ((layout.cellWidth - picture.width) / 2, (layout.cellHeight - picture.height) / 2)
        sheet.paste(picture.flattened().rgb, x: corner.x + x, y: corner.y + y)
    }

    private static func draw(_ lines: [String], x: Int, y: Int, scale: Int, on sheet: inout Picture) {
        for (index, text) in lines.enumerated() {
            let y = y + index * BitmapFont.lineHeight * scale
            BitmapFont.draw(text, on: &sheet, x: x, y: y, scale: scale, colour: ink)
        }
    }
}
