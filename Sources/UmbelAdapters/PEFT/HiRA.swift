package import UmbelNames
internal import UmbelTensor

/// HiRA: W' = W ⊙ (1 + m·B·A).     ICLR 2025, "HiRA: Parameter-Efficient Hadamard High-Rank Adaptation"
///
/// A (r, in, k…), B (out, r, 1…), flattened behind their first axes; of an embedding `hira_embedding_A` (r, vocabulary)
/// and `_B` (size, r), acting on Wᵀ. There is no α. Source: PEFT `tuners/hira/layer.py`.
package struct HiRA: Algorithm {
    package static let name = "hira"

    static let down: Role = "hira_A"
    static let up: Role = "hira_B"
    static let embeddingDown: Role = "hira_embedding_A"
    static let embeddingUp: Role = "hira_embedding_B"

    package static let roles = [
        RoleSpelling(down), RoleSpelling(up), RoleSpelling(embeddingDown), RoleSpelling(embeddingUp),
    ]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        roles.contains { module.has($0.role) }
    }

    package static func rank(of module: ModuleFactors) -> Int? { (module[down] ?? module[embeddingDown])?.shape.first }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        var view = try target.requireWeight(module)
        let isEmbedding = module.has(embeddingDown) || module.has(embeddingUp)
        if isEmbedding {
            guard let transposed = view.transposed else {
                throw module.mismatch(embeddingDown, expected: "an embedding, not \(view.shape.shapeText)")
            }
            view = transposed
        }
        let (downRole, upRole) = isEmbedding ? (embeddingDown, embeddingUp) : (down, up)
        let (down, up) = (try module.matrix(downRole), try module.matrix(upRole))
        try module.checkRanks([(downRole, down.rows), (upRole, up.columns)])
        try module.checkKernel(downRole, on: view)
        guard up.rows == view.rows else { throw module.mismatch(upRole, expected: view.shape.shapeText) }
        guard down.columns == view.columns else { throw module.mismatch(downRole, expected: view.shape.shapeText) }
        return [Patch(view, .rows(HadamardUpdate(delta: LowRankDelta(up: up, down: down, scale: 1))))]
    }
}

private struct HadamardUpdate: RowTransform {
    let delta: LowRankDelta

    func apply(to tile: RowTile, strength: Double) {
        let change = Matrix(rows: tile.rows, columns: tile.columns)
        delta.write(tile.firstRow..<tile.firstRow + tile.rows, to: change.start)
        Product.multiply(change.start, by: tile.start, count: tile.count)
        tile.add(change, scaledBy: Float(strength))
    }
}
