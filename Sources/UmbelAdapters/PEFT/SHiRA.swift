package import UmbelNames
internal import UmbelTensor

/// SHiRA: W'[row, column] = W[row, column] + m·w at n places; places may repeat, and then all add.     arXiv 2406.13175
///
/// `shira_weight` (n), `shira_indices` (2, n): rows, then columns. Source: PEFT `tuners/shira/layer.py`.
package struct SHiRA: Algorithm {
    package static let name = "shira"

    static let values: Role = "shira_weight"
    static let indices: Role = "shira_indices"

    package static let roles = [RoleSpelling(values), RoleSpelling(indices)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        module.has(values) || module.has(indices)
    }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let values = try module.require(values).values()
        guard let indices = module[indices] else {
            throw .missingFactor(module: module.stem, key: module.key(Self.indices))
        }
        guard indices.shape == [2, values.count], !indices.dtype.isFloat else {
            throw module.mismatch(Self.indices, expected: "[2, \(values.count)] integers")
        }
        var rows = [[SparseAddition.Entry]](repeating: [], count: view.rows)
        for (index, value) in values.enumerated() {
            let (row, column) = (indices.number(at: index), indices.number(at: values.count + index))
            guard row >= 0, row < Double(view.rows), column >= 0, column < Double(view.columns) else {
                throw module.mismatch(Self.indices, expected: "places within \(view.shape.shapeText)")
            }
            rows[Int(row)].append(SparseAddition.Entry(column: Int(column), value: value))
        }
        return [Patch(view, .rows(SparseAddition(rows: rows)))]
    }
}

private struct SparseAddition: RowTransform {
    struct Entry: Sendable {
        let column: Int
        let value: Float
    }

    /// In the order of the file within each row.
    let rows: [[Entry]]

    func apply(to tile: RowTile, strength: Double) {
        let factor = Float(strength)
        for row in 0..<tile.rows {
            for entry in rows[tile.firstRow + row] { tile.row(row)[entry.column] += factor * entry.value }
        }
    }
}
