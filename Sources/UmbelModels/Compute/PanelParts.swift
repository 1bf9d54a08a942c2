/// How a product is cut into parts for several threads if each makes the panels that it needs: whole panels, and the last ones by rows
/// as well, so that no thread waits long for another. No result depends on it.
struct PanelParts: Sendable {
    private let rows: Int
    /// Panels of all rows.
    private let whole: Int
    /// Those behind, and the parts that each is cut into.
    private let cut: Int
    private let pieces: Int
    private let height: Int

    init(panels: Int, rows: Int, threads: Int) {
        self.rows = rows
        cut = panels % threads
        whole = panels - cut
        let wanted = (threads + cut - 1) / max(1, cut)
        // Whole tiles of six rows.
        height = max(6, ((rows + wanted - 1) / max(1, wanted) + 5) / 6 * 6)
        pieces = (rows + height - 1) / height
    }

    var count: Int { whole + cut * pieces }

    subscript(index: Int) -> (panel: Int, rows: Range<Int>) {
        guard index >= whole else { return (index, 0..<rows) }
        let (panel, piece) = ((index - whole) / pieces, (index - whole) % pieces)
        return (whole + panel, piece * height..<min(rows, (piece + 1) * height))
    }
}
