package import UmbelNames
internal import UmbelTensor

/// PEFT's GLoRA: W' = W + W ⊙ A + B, b' = b + b ⊙ D + E + W·C.     arXiv 2306.07967
///
/// Each of A … E is a product `Xd`·`Xu`, a vector `X` of one number an output, a scalar `X`, or absent (`zeros`). It is not
/// LyCORIS' GLoRA, where W·A is a matrix product. A trained C is refused: a bias is merged without its weight at hand.
/// Strength: W + m·(W' − W), biases alike. Source: PEFT `tuners/glora/layer.py`.
package struct PEFTGLoRA: Algorithm {
    package static let name = "peft-glora"

    private static let letters = ["A", "B", "C", "D", "E"]
    private static func role(_ letter: String, _ part: String) -> Role { Role(rawValue: "glora_\(letter).\(part)") }

    package static let roles = letters.flatMap { letter in
        ["Xd", "Xu", "X", "zeros"].map { RoleSpelling(role(letter, $0)) }
    }

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        roles.contains { module.has($0.role) }
    }

    package static func rank(of module: ModuleFactors) -> Int? { module[role("A", "Xu")]?.shape.first }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        var patches: [Patch] = []
        let (factor, shift) = (try term("A", module, view), try term("B", module, view))
        if factor != nil || shift != nil {
            patches.append(Patch(view, .rows(GLoRAUpdate(factor: factor, shift: shift))))
        }
        try refuseTrainedC(module)
        guard let bias = target.bias else { return patches }
        let (biasFactor, biasShift) = (try term("D", module, bias), try term("E", module, bias))
        if biasFactor != nil || biasShift != nil {
            patches.append(Patch(bias, .rows(GLoRAUpdate(factor: biasFactor, shift: biasShift))))
        }
        return patches
    }

    private static func term(
        _ letter: String, _ module: ModuleFactors, _ view: TargetView
    ) throws(ModuleError) -> GLoRATerm? {
        if module.has(role(letter, "Xd")) || module.has(role(letter, "Xu")) {
            let (upRole, downRole) = (role(letter, "Xd"), role(letter, "Xu"))
            let (up, down) = (try module.matrix(upRole), try module.matrix(downRole))
            try module.checkRanks([(upRole, up.columns), (downRole, down.rows)])
            try module.check(upRole, up, rows: view.rows, columns: down.rows, on: view)
            try module.check(downRole, down, rows: up.columns, columns: view.columns, on: view)
            return .product(LowRankDelta(up: up, down: down, scale: 1))
        }
        guard let vector = try module.optional(role(letter, "X")) else { return nil }
        let values = vector.values()
        if values.count == view.rows { return .outputs(values) }
        guard values.count == 1 else {
            throw module.mismatch(role(letter, "X"), expected: "1 or \(view.rows) elements")
        }
        return .outputs([Float](repeating: values[0], count: view.rows))
    }

    private static func refuseTrainedC(_ module: ModuleFactors) throws(ModuleError) {
        // Of a product one factor starts as zeros, so an untrained C has a zero factor.
        var isTrained = false
        for part in ["Xd", "Xu", "X"] where module.has(role("C", part)) {
            if try module.matrix(role("C", part)).isZero { return }
            isTrained = true
        }
        guard isTrained else { return }
        throw .notMergeable(
            module: module.stem, reason: "glora_C adds W·C to the bias, and a bias is merged without its weight")
    }
}

/// One of A, B, D, E at the size of what it changes.
private enum GLoRATerm: Sendable {
    case product(LowRankDelta)
    case outputs([Float])

    func matrix(for tile: RowTile) -> Matrix {
        let matrix = Matrix(rows: tile.rows, columns: tile.columns)
        switch self {
        case .product(let delta): delta.write(tile.firstRow..<tile.firstRow + tile.rows, to: matrix.start)
        case .outputs(let values):
            for row in 0..<tile.rows {
                matrix.row(row).update(repeating: values[tile.firstRow + row], count: tile.columns)
            }
        }
        return matrix
    }
}

/// W' = W + m·(W ⊙ factor + shift)
private struct GLoRAUpdate: RowTransform {
    let factor: GLoRATerm?
    let shift: GLoRATerm?

    func apply(to tile: RowTile, strength: Double) {
        if let factor {
            let change = factor.matrix(for: tile)
            Product.multiply(change.start, by: tile.start, count: tile.count)
            tile.add(change, scaledBy: Float(strength))
        }
        if let shift { tile.add(shift.matrix(for: tile), scaledBy: Float(strength)) }
    }
}
