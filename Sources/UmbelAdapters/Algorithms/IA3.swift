package import UmbelNames
internal import UmbelTensor

/// (IA)³ as LyCORIS stores it: W' = W ⊙ (1 + m·v)     arXiv 2205.05638
///
/// v is `weight`, flattened; `on_input` 0 scales along the output axis, 1 along the input axis. The vector of a
/// convolution is (1, n, 1…) in both cases, so only `on_input` tells. The bias is never touched.
package struct IA3: Algorithm {
    package static let name = "ia3"

    private static let onInput: Role = "on_input"

    package static let roles = [RoleSpelling(onInput), RoleSpelling(.weight)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool { module.has(onInput) }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let vector = try module.require(.weight)
        let isInput = try module.number(onInput) != 0
        let length = isInput ? view.inputs : view.rows
        guard vector.elementCount == length else {
            throw module.mismatch(
                .weight, expected: "\(length) \(isInput ? "inputs" : "outputs") of \(view.shape.shapeText)")
        }
        let factors = vector.values()
        let transform: any RowTransform =
            isInput ? InputScaling(factors: factors, kernel: view.kernel) : OutputScaling(factors: factors)
        return [Patch(view, .rows(transform))]
    }
}

/// Row o times 1 + m·factors[o].
package struct OutputScaling: RowTransform {
    let factors: [Float]

    package func apply(to tile: RowTile, strength: Double) {
        for row in 0..<tile.rows {
            tile.scaleRow(row, by: Float(1 + strength * Double(factors[tile.firstRow + row])))
        }
    }
}

/// Input c, with its K kernel positions, times 1 + m·factors[c].
package struct InputScaling: RowTransform {
    let factors: [Float]
    let kernel: Int

    package func apply(to tile: RowTile, strength: Double) {
        let scales = factors.map { Float(1 + strength * Double($0)) }
        for row in 0..<tile.rows {
            let values = tile.row(row)
            for column in 0..<tile.columns { values[column] *= scales[column / kernel] }
        }
    }
}
