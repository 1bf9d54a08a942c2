/// Where everything of a contact sheet comes: decided before anything is drawn. Pixels; text is drawn `scale` times.
///
///     margin
///     title, over the whole width
///              column labels, centred, at the bottom of their space
///     row      picture    gap    picture
///     label    gap
///     …
struct SheetLayout {
    let cellWidth: Int
    let cellHeight: Int
    /// 1 for pictures of less than 512 pixels, 2 for twice as wide ones and so on.
    let scale: Int
    let titleScale: Int
    let titleLines: [String]
    let columnLines: [[String]]
    let rowLines: [[String]]
    let width: Int
    let height: Int
    /// The corner of the first picture.
    let left: Int
    let top: Int

    var margin: Int { 8 * scale }
    var gap: Int { 4 * scale }

    private static let mostTitleLines = 4
    private static let mostColumnLines = 3
    /// Characters.
    private static let widestRowLabel = 20

    init(_ sheet: ContactSheet) {
        let pictures = sheet.pictures.joined().compactMap { $0 }
        cellWidth = pictures.map(\.width).max() ?? 1
        cellHeight = pictures.map(\.height).max() ?? 1
        let scale = max(1, cellWidth / 256)
        let (margin, gap) = (8 * scale, 4 * scale)
        let (character, line) = (BitmapFont.advance * scale, BitmapFont.lineHeight * scale)

        let columns = max(1, sheet.pictures.map(\.count).max() ?? 0, sheet.columns.count)
        let rows = max(1, sheet.pictures.count, sheet.rows.count)
        let (rowCharacters, rowLimit) = (Self.widestRowLabel, max(1, cellHeight / line))
        rowLines = sheet.rows.map { TextLines.wrapped($0, columns: rowCharacters, limit: rowLimit) }
        let columnCharacters = max(1, cellWidth / character)
        columnLines = sheet.columns.map {
            TextLines.wrapped($0, columns: columnCharacters, limit: Self.mostColumnLines)
        }

        let labelWidth = (rowLines.joined().map(\.count).max() ?? 0) * character
        left = margin + (labelWidth > 0 ? labelWidth + gap : 0)
        width = left + columns * cellWidth + (columns - 1) * gap + margin
        (titleLines, titleScale) = Self.title(sheet.title, width: width - 2 * margin, scale: scale)
        let titleHeight = titleLines.count * BitmapFont.lineHeight * titleScale
        let labelHeight = (columnLines.map(\.count).max() ?? 0) * line
        top = margin + (titleHeight > 0 ? titleHeight + gap : 0) + (labelHeight > 0 ? labelHeight + gap : 0)
        height = top + rows * cellHeight + (rows - 1) * gap + margin
        self.scale = scale
    }

    /// Twice as large as the labels if it fits in a line so.
    private static func title(_ title: String, width: Int, scale: Int) -> ([String], Int) {
        let large = TextLines.wrapped(title, columns: max(1, width / (BitmapFont.advance * 2 * scale)), limit: 2)
        if large.count == 1 { return (large, 2 * scale) }
        let columns = max(1, width / (BitmapFont.advance * scale))
        return (TextLines.wrapped(title, columns: columns, limit: mostTitleLines), scale)
    }

    func corner(column: Int, row: Int) -> (x: Int, y: Int) {
        (left + column * (cellWidth + gap), top + row * (cellHeight + gap))
    }
}
