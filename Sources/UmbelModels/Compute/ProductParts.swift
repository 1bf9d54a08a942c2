/// How the results of a product are cut into parts for several threads: blocks of rows that fit into a processor's cache, of
/// all columns if there are blocks enough, else of panels of them. No result depends on it.
struct ProductParts: Sendable {
    let rows: Int
    let columns: Int
    private let height: Int
    private let width: Int

    /// - Parameter widest: columns of a part at most.
    init(rows: Int, columns: Int, threads: Int, widest: Int = .max) {
        (self.rows, self.columns) = (rows, columns)
        let wanted = threads == 1 ? 1 : 6 * threads
        var height = 192
        var panels = max(1, min((columns + Panels.width - 1) / Panels.width, widest / Panels.width))
        func parts() -> Int {
            let across = (columns + panels * Panels.width - 1) / (panels * Panels.width)
            return (rows + height - 1) / height * across
        }
        while parts() < wanted, panels > 4 { panels = (panels + 1) / 2 }
        while parts() < wanted, height > 48, rows > height / 2 { height /= 2 }
        while parts() < wanted, panels > 1 { panels = (panels + 1) / 2 }
        (self.height, width) = (height, panels * Panels.width)
    }

    /// All rows of one panel each.
    init(rows: Int, columns: Int) {
        (self.rows, self.columns) = (rows, columns)
        (height, width) = (max(1, rows), Panels.width)
    }

    var count: Int { (rows + height - 1) / height * across }

    private var across: Int { (columns + width - 1) / width }

    subscript(index: Int) -> (rows: Range<Int>, columns: Range<Int>) {
        let (row, column) = (index / across * height, index % across * width)
        return (row..<min(rows, row + height), column..<min(columns, column + width))
    }
}
