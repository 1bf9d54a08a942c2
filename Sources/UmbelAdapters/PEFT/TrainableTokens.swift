internal import UmbelFormats
package import UmbelNames
internal import UmbelTensor

/// Trained tokens: row j of the tensor replaces row index[j] of the embedding, at any strength.
///
/// Despite its name, `trainable_tokens_delta` (n, size) holds the new rows. Index: `token_indices` of the tuner of that name;
/// beside LoRA `trainable_token_indices`, a list or a map from module suffix to list. Source: PEFT
/// `tuners/trainable_tokens/layer.py`, `get_merged_weights`.
package struct TrainableTokens: Algorithm {
    package static let name = "trainable_tokens"

    static let rows: Role = "trainable_tokens_delta"

    package static let roles = [RoleSpelling(rows, "token_adapter.trainable_tokens_delta")]

    /// Only where nothing else is: `PEFTCompanions` adds them beside a LoRA pair.
    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        module.has(rows) && module.factors.keys.allSatisfy { $0 == rows || WholeTensor.all.contains($0) }
    }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        try tokenPatches(for: module, on: target, in: context)
    }

    /// The trained rows beside a module's factors, to be put in place after them; empty for most modules.
    package static func tokenPatches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        guard let stored = try module.optional(rows) else { return [] }
        let view = try target.requireWeight(module)
        let indices = try indices(module, context)
        guard stored.shape == [indices.count, view.columns] else {
            throw module.mismatch(rows, expected: [indices.count, view.columns].shapeText)
        }
        var places: [Int: Int] = [:]
        for (row, index) in indices.enumerated() {
            guard index >= 0, index < view.rows else {
                throw module.mismatch(rows, expected: "token indices below \(view.rows), not \(index)")
            }
            places[index] = row
        }
        return [Patch(view, .rows(RowReplacement(rows: stored.matrix(), places: places)))]
    }

    private static func indices(_ module: ModuleFactors, _ context: AdapterContext) throws(ModuleError) -> [Int] {
        let config = try context.requireConfig(module, for: "which tokens were trained")
        let path = context.patternPath(module.stem)
        let stored: JSON? =
            switch config.fields["trainable_token_indices"] {
            case .object(let members):
                members.first { path == $0.name || path.hasSuffix("." + $0.name) }?.value
            case .array(let values): .array(values)
            default: config.fields["token_indices"]
            }
        let indices = stored?.array.map { $0.compactMap(\.integer) }
        guard let indices, indices.count == stored?.array?.count else {
            throw .notMergeable(
                module: module.stem, reason: "adapter_config.json does not tell which tokens were trained")
        }
        return indices
    }
}

private struct RowReplacement: RowTransform {
    let rows: Matrix
    /// Row of the embedding → row of `rows`.
    let places: [Int: Int]

    func apply(to tile: RowTile, strength: Double) {
        for row in 0..<tile.rows {
            guard let place = places[tile.firstRow + row] else { continue }
            tile.row(row).update(from: rows.row(place), count: tile.columns)
        }
    }
}
