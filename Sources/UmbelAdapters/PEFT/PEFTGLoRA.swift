package import UmbelNames
internal import UmbelTensor

/// PEFT's GLoRA: W' = W + W ⊙ A + B, b' = b + b ⊙ D + E + W·C.     arXiv 2306.07967
///
/// Each of A … E is a product `Xd`·`Xu`, a vector `X` of one number an output, a scalar `X`, or absent (`zeros`); C has one
/// number an input. W and b on the right are those before the change. It is not LyCORIS' GLoRA, where W·A is a matrix product.
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
        // The bias first, for it reads the weight as it was; and its own terms before W·C, which D does not multiply.
        if let bias = target.bias {
            patches += try update("D", "E", of: bias, module)
            if let inputs = try inputs(module, view) {
                patches.append(Patch(bias, .derive(from: view, BiasFromWeight(inputs: inputs))))
            }
        }
        return try patches + update("A", "B", of: view, module)
    }

    /// x' = x + x ⊙ factor + shift; empty if both are absent.
    private static func update(
        _ factorLetter: String, _ shiftLetter: String, of view: TargetView, _ module: ModuleFactors
    ) throws(ModuleError) -> [Patch] {
        let (factor, shift) = (try term(factorLetter, module, view), try term(shiftLetter, module, view))
        if factor == nil, shift == nil { return [] }
        return [Patch(view, .rows(GLoRAUpdate(factor: factor, shift: shift)))]
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

    /// C as (in, 1); nil if it is absent.
    private static func inputs(_ module: ModuleFactors, _ view: TargetView) throws(ModuleError) -> Matrix? {
        let (upRole, downRole, vectorRole) = (role("C", "Xd"), role("C", "Xu"), role("C", "X"))
        if module.has(upRole) || module.has(downRole) {
            let (up, down) = (try module.matrix(upRole), try module.matrix(downRole))
            try module.checkRanks([(upRole, up.columns), (downRole, down.rows)])
            try module.check(upRole, up, rows: view.columns, columns: down.rows, on: view)
            try module.check(downRole, down, rows: up.columns, columns: 1, on: view)
            return up.multiplied(by: down)
        }
        guard let vector = try module.optional(vectorRole) else { return nil }
        guard vector.elementCount == view.columns else {
            throw module.mismatch(vectorRole, expected: "\(view.columns) elements")
        }
        return vector.matrix(rows: view.columns)
    }
}

/// b' = b + m·W·C
private struct BiasFromWeight: DerivedTransform {
    /// (in, 1)
    let inputs: Matrix

    func apply(to matrix: Matrix, from source: Matrix, strength: Double) {
        let product = source.multiplied(by: inputs)
        RowTile(firstRow: 0, rows: matrix.rows, columns: 1, start: matrix.start)
            .add(product, scaledBy: Float(strength))
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
