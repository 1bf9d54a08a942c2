package import UmbelNames
package import UmbelTensor

/// Shape checks that several algorithms share. No factor is ever broadcast: a size of 1 where another is due is an error.
extension ModuleFactors {
    /// - Throws: `shapeMismatch` unless the factor, flattened behind its first axis, is (rows, columns).
    package func check(
        _ role: Role, _ matrix: Matrix, rows: Int, columns: Int, on view: TargetView
    ) throws(ModuleError) {
        guard matrix.rows == rows, matrix.columns == columns else {
            throw mismatch(role, expected: "[\(rows), \(columns)] (flattened) for \(view.shape.shapeText)")
        }
    }

    /// - Throws: `shapeMismatch` unless a product of (rows, columns) covers the view.
    package func checkProduct(_ role: Role, rows: Int, columns: Int, on view: TargetView) throws(ModuleError) {
        guard rows == view.rows, columns == view.columns else {
            throw .shapeMismatch(
                module: stem, key: key(role), shape: [rows, columns],
                expected: view.shape.shapeText)
        }
    }

    /// A factor that carries the kernel must carry the base's: 1×3 is not 3×1, though both flatten to three columns.
    package func checkKernel(_ role: Role, kernelAxis: Int = 2, on view: TargetView) throws(ModuleError) {
        guard let shape = self[role]?.shape, shape.count > kernelAxis else { return }
        let kernel = Array(shape[kernelAxis...])
        let expected = Array(view.shape.dropFirst(2))
        // Trailing ones say nothing: a linear layer and a 1×1 convolution are written in each other's terms, and PEFT gives
        // the core of a one-axis kernel two axes.
        guard kernel.withoutTrailingOnes == expected.withoutTrailingOnes else {
            throw mismatch(role, expected: "kernel \(expected.shapeText) of \(view.shape.shapeText)")
        }
    }

    /// - Throws: `rankMismatch` unless all ranks agree.
    package func checkRanks(_ ranks: [(Role, Int)]) throws(ModuleError) {
        guard Set(ranks.map(\.1)).count > 1 else { return }
        throw .rankMismatch(
            module: stem, ranks: Dictionary(ranks.map { (key($0.0), $0.1) }, uniquingKeysWith: { first, _ in first }))
    }

    package func mismatch(_ role: Role, expected: String) -> ModuleError {
        .shapeMismatch(module: stem, key: key(role), shape: self[role]?.shape ?? [], expected: expected)
    }
}

extension Array where Element == Int {
    fileprivate var withoutTrailingOnes: Array {
        Array(prefix((lastIndex { $0 != 1 } ?? -1) + 1))
    }
}

extension ModuleFactors {
    /// The change of the bias beside any family: b' = b + m·scale·difference. Empty if the module holds none.
    ///
    /// - Parameter optional: whether a layer without bias is reported rather than refused. LyCORIS drops the difference
    ///   there without a word; PEFT raises.
    package func biasPatches(
        _ role: Role, scale: Double = 1, on target: Target, optional isOptional: Bool
    ) throws(ModuleError) -> [Patch] {
        guard let difference = try optional(role) else { return [] }
        guard let bias = target.bias else {
            guard isOptional else { throw .noSuchParameter(module: stem, parameter: "bias") }
            return [Patch(nil, .leftOut(key: key(role), reason: "the layer has no bias in this base"))]
        }
        guard difference.elementCount == bias.rows else { throw mismatch(role, expected: bias.shape.shapeText) }
        return [Addition.patch(bias, StoredDelta(difference, rows: bias.rows, scale: scale))]
    }
}
