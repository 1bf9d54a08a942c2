package import UmbelNames
internal import UmbelTensor

/// PEFT's OFT: W' = W·Rᵀ with a block-diagonal rotation R of the inputs; four file formats.     arXiv 2306.07280
///
/// | peft        | key                                  | result             |
/// |-------------|--------------------------------------|--------------------|
/// | ≤ 0.13      | `oft_r` [n or 1, q, q]               | W' = Rᵀ·W, R cut to (out, out) |
/// | 0.14 – 0.15 | `oft_r` and `oft_s` [out, 1]         | W' = (W·Rᵀ) ⊙ oft_s |
/// | 0.16 – 0.17 | `oft_R.weight` [n or 1, q(q−1)/2]    | W' = W·Rᵀ          |
/// | ≥ 0.18      | the same, with `peft_version`        | W' = W·Rᵀ, another end of the series |
///
/// An embedding has `oft_embedding_R`: W' = W·R. Strength: W + m·(W' − W). Source: PEFT `tuners/oft/layer.py`.
package struct PEFTOFT: Algorithm {
    package static let name = "peft-oft"

    static let upperTriangle: Role = "oft_R.weight"
    static let embedding: Role = "oft_embedding_R.weight"
    static let squares: Role = "oft_r"
    static let magnitude: Role = "oft_s"

    package static let roles = [
        RoleSpelling(upperTriangle, "oft_R"), RoleSpelling(embedding, "oft_embedding_R"), RoleSpelling(squares),
        RoleSpelling(magnitude),
    ]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        module.has(upperTriangle) || module.has(embedding) || module.has(squares)
    }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        if module.has(squares) { return [try squarePatch(module, view, context)] }
        let isEmbedding = module.has(embedding)
        let role = isEmbedding ? embedding : upperTriangle
        var rotations = try OFTSeries.rotations(module, role, context)
        if isEmbedding { rotations = rotations.map(\.transposed) }
        let rotation = BlockDiagonal(rotations)
        try checkPositions(rotation, cover: view.columns, role, module, view)
        return [Patch(view, .rows(InputRotation(rotation: rotation, magnitude: nil)))]
    }

    /// The formats that store whole blocks.
    private static func squarePatch(
        _ module: ModuleFactors, _ view: TargetView, _ context: AdapterContext
    ) throws(ModuleError) -> Patch {
        var blocks = try module.blocks(squares)
        let size = blocks[0].size
        let magnitude = try module.optional(magnitude)
        let covered = magnitude == nil ? view.rows : view.columns
        if let config = context.config(for: module.stem), config.flag("coft") {
            let eps = try context.requireNumber("eps", module)
            let positions = blocks.count > 1 ? blocks.count : (covered + size - 1) / size
            let side = Double((view.rows + positions - 1) / positions)
            let limit = eps * side * side / Double(blocks.count).squareRoot()
            blocks = blocks.map { $0.limited(to: limit) }
        }
        let rotation = BlockDiagonal(try module.cayley(blocks, squares))
        if let magnitude {
            try checkPositions(rotation, cover: covered, squares, module, view)
            guard magnitude.elementCount == view.rows else {
                throw module.mismatch(Self.magnitude, expected: "\(view.rows) elements for \(view.shape.shapeText)")
            }
            return Patch(view, .rows(InputRotation(rotation: rotation, magnitude: magnitude.values())))
        }
        guard rotation.storedBlocks == 1 || rotation.storedBlocks * size >= covered else {
            throw module.mismatch(squares, expected: "blocks that cover \(covered) outputs")
        }
        return Patch(view, .rows(OutputRotation(rotation: rotation)))
    }

    private static func checkPositions(
        _ rotation: BlockDiagonal, cover columns: Int, _ role: Role, _ module: ModuleFactors, _ view: TargetView
    ) throws(ModuleError) {
        let positions = columns / rotation.size
        guard positions * rotation.size == columns, rotation.storedBlocks == 1 || rotation.storedBlocks == positions
        else { throw module.mismatch(role, expected: "blocks that cover \(columns) inputs of \(view.shape.shapeText)") }
    }
}

/// W' = (W·Rᵀ) ⊙ magnitude
private struct InputRotation: RowTransform {
    let rotation: BlockDiagonal
    let magnitude: [Float]?

    func apply(to tile: RowTile, strength: Double) {
        Interpolation.apply(to: tile, strength: strength) { tile in
            rotation.rotateColumns(of: tile)
            guard let magnitude else { return }
            for row in 0..<tile.rows { tile.scaleRow(row, by: magnitude[tile.firstRow + row]) }
        }
    }
}

/// W' = Rᵀ·W
private struct OutputRotation: RowTransform {
    let rotation: BlockDiagonal
    var rowGroup: Int { rotation.size }

    func apply(to tile: RowTile, strength: Double) {
        Interpolation.apply(to: tile, strength: strength) { rotation.rotateRows(of: $0) }
    }
}
