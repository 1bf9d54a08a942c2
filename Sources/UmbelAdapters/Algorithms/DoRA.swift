package import UmbelNames
internal import UmbelTensor

/// DoRA: the norms of W + ΔW are replaced by trained magnitudes.     arXiv 2402.09353
///
/// Two rules exist, told apart by the key:
/// - LyCORIS `dora_scale` d: V = W + ΔW at full strength, W' = V ⊙ (1 + m·(d/(‖V‖+ε) − 1)), ε = 2⁻²³; the norm runs
///   over everything but the axis that d lives on, output `(out, 1…)` or input `(1, in, 1…)`.
/// - PEFT `lora_magnitude_vector` μ: V = W + m·ΔW, W' = V·μ/‖V‖, always on the output axis.
package enum DoRA {
    package static let roles = [
        RoleSpelling(.doraScale), RoleSpelling(.magnitude, "lora_magnitude_vector.weight"),
    ]

    package enum Axis: String, Hashable, Sendable {
        case output
        case input
    }

    /// The patch for ΔW with the module's magnitudes, or the plain addition if it has none.
    package static func patch(
        _ module: ModuleFactors, _ view: TargetView, _ delta: any Delta
    ) throws(ModuleError) -> Patch {
        if let magnitude = try module.optional(.magnitude) {
            guard magnitude.elementCount == view.rows else {
                throw .shapeMismatch(
                    module: module.stem, key: module.key(.magnitude), shape: magnitude.shape,
                    expected: "\(view.rows) elements for \(view.shape.shapeText)")
            }
            return Patch(view, .rows(OutputMagnitude(delta: delta, magnitude: magnitude.values(), scalesDelta: true)))
        }
        guard let scale = try module.optional(.doraScale) else { return Addition.patch(view, delta) }
        let magnitude = scale.values()
        // No element is larger than the norm it is divided by, so |W'| ≤ max|d|; the sum before it must be finite as well.
        let bound = ChangeBound(absolute: magnitude.largestMagnitude + abs(delta.scale) * delta.bound, relative: 1)
        switch try axis(of: scale.shape, in: module, on: view) {
        case .output:
            let transform = OutputMagnitude(delta: delta, magnitude: magnitude, scalesDelta: false)
            return Patch(view, .rows(transform), bound: bound)
        case .input:
            let transform = InputMagnitude(delta: delta, magnitude: magnitude, kernel: view.kernel)
            return Patch(view, .matrix(transform), bound: bound)
        }
    }

    /// The axis, from the whole shape: with out = 1 the input form `[1, in]` begins like the output form.
    package static func axis(
        of shape: [Int], in module: ModuleFactors, on view: TargetView
    ) throws(ModuleError) -> Axis {
        let isFlat = shape.count == 1
        if shape.first == view.rows, shape.dropFirst().allSatisfy({ $0 == 1 }), !isFlat || view.rows == shape[0] {
            // [1, 1] on a layer with one output and one input means the same either way.
            return .output
        }
        if shape.count > 1, shape[0] == 1, shape[1] == view.inputs, shape.dropFirst(2).allSatisfy({ $0 == 1 }) {
            return .input
        }
        throw .shapeMismatch(
            module: module.stem, key: module.key(.doraScale), shape: shape,
            expected: "[\(view.rows), 1…] or [1, \(view.inputs), 1…] for \(view.shape.shapeText)")
    }

    /// f32's machine epsilon, which LyCORIS adds to the norm.
    static let epsilon = 0x1p-23
}

/// The norms of rows are replaced.
private struct OutputMagnitude: RowTransform {
    let delta: any Delta
    let magnitude: [Float]
    /// PEFT's rule, not LyCORIS'.
    let scalesDelta: Bool

    func apply(to tile: RowTile, strength: Double) {
        Addition(delta).apply(to: tile, strength: sumStrength(strength))
        _ = RowNormPass(magnitudes: magnitudes(strength)).run(MergeTile(in: tile))
    }

    func passes(over weight: WeightRows, strength: Double, pool: ComputePool) -> [any RowPass] {
        let addition = AdditionPass(delta, over: weight, strength: sumStrength(strength), pool: pool)
        guard let product = addition.adder as? ProductAdder else {
            return [addition, RowNormPass(magnitudes: magnitudes(strength))]
        }
        return [NormalisedProductPass(product: product, factor: addition.factor, magnitudes: magnitudes(strength))]
    }

    private func sumStrength(_ strength: Double) -> Double { scalesDelta ? strength : 1 }

    private func magnitudes(_ strength: Double) -> Magnitudes {
        // A row of norm 0 gives NaN by PEFT's rule, which the merge reports with its row.
        Magnitudes(magnitude, epsilon: scalesDelta ? 0 : DoRA.epsilon, strength: scalesDelta ? nil : strength)
    }
}

/// The norms run down whole columns, so they are taken in a pass of their own; the sums are computed again after it.
private struct InputMagnitude: MatrixTransform, StreamedTransform {
    let delta: any Delta
    let magnitude: [Float]
    let kernel: Int

    func apply(to matrix: Matrix, strength: Double, pool: ComputePool) throws(MergeError) {
        try WeightTransform.rows(Addition(delta)).apply(to: matrix, strength: 1, pool: pool)
        let squares = ColumnNorms.squares(of: WeightRows(matrix), pool: pool)
        let factors = ColumnFactorPass(factors(squares, strength), kernel: kernel).factors
        pool.forEachRange(matrix.rows, grain: TileSize.rows(columns: matrix.columns, group: 1)) { rows in
            for row in rows { Product.multiply(matrix.row(row), by: factors, count: matrix.columns) }
        }
    }

    func passes(over weight: WeightRows, strength: Double, pool: ComputePool) -> [any RowPass] {
        let addition = AdditionPass(delta, over: weight, strength: 1, pool: pool)
        guard let product = addition.adder as? ProductAdder else {
            let squares = ColumnNorms.squares(of: weight.with([addition]), pool: pool)
            return [addition, ColumnFactorPass(factors(squares, strength), kernel: kernel)]
        }
        let squares = ColumnNorms.squares(of: weight, plus: product, scaledBy: addition.factor, pool: pool)
        let columns = ColumnFactorPass(factors(squares, strength), kernel: kernel)
        return [ScaledProductPass(product: product, factor: addition.factor, columns: columns)]
    }

    /// One factor an input, from the squares of W + ΔW summed down the columns.
    private func factors(_ squares: [Double], _ strength: Double) -> [Float] {
        magnitude.indices.map { input in
            let sum = (input * kernel..<(input + 1) * kernel).reduce(0.0) { $0 + squares[$1] }
            return Float(1 + strength * (Double(magnitude[input]) / (sum.squareRoot() + DoRA.epsilon) - 1))
        }
    }
}
