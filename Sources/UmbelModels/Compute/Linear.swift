internal import CUmbelCompute
package import UmbelTensor

/// y = x · Wᵀ + b with W (outputs, inputs), as files have it.
///
/// The weight is packed by all threads when the layer is first used, and as it was stored it is let go then; a variant's own is
/// packed for each call, and never kept.
package final class Linear: PackedLayer {
    package let inputs: Int
    package let outputs: Int
    private let type: ComputeType
    private let weight: LinearWeight
    private let bias: Matrix?

    /// - Parameters:
    ///   - type: what products are computed in.
    ///   - packing: how long the weight is kept packed.
    /// - Precondition: `weight` has two axes, or further ones of size 1; `bias` has a number for each output.
    package init(weight: TensorView, bias: TensorView?, type: ComputeType = .f32, packing: Packing = .once) {
        outputs = weight.shape[0]
        inputs = weight.elementCount / max(1, outputs)
        precondition(bias.map { $0.elementCount == weight.shape[0] } ?? true)
        self.type = type
        self.weight = LinearWeight(weight, outputs: outputs, inputs: inputs, type: type, packing: packing)
        self.bias = bias?.matrix(rows: 1)
    }

    package var packedBytes: Int { weight.packedBytes }

    package var storedBytes: Int { weight.storedBytes }

    /// - Parameters:
    ///   - x: (rows, inputs)
    ///   - residual: is added, (rows, outputs).
    ///   - activation: is taken of all that.
    /// - Returns: (rows, outputs)
    package func callAsFunction(
        _ x: Matrix, adding residual: Matrix? = nil, activation: Activation? = nil, pool: ComputePool
    ) -> Matrix {
        self(Factors(x, type: type, pool: pool), adding: residual, activation: activation, pool: pool)
    }

    /// - Parameter x: (rows, inputs), of the layer's type.
    package func callAsFunction(
        _ x: Factors, adding residual: Matrix? = nil, activation: Activation? = nil, pool: ComputePool
    ) -> Matrix {
        precondition(x.columns == inputs && x.type == type)
        precondition(residual.map { $0.rows == x.rows && $0.columns == outputs } ?? true)
        let panels = weight.panels(forRows: x.rows, columns: outputs, pool: pool)
        let out = Matrix(rows: x.rows, columns: outputs, pool: pool)
        let parts = panels.parts(rows: x.rows, columns: outputs, pool: pool)
        pool.forEach(parts.count) { index in
            let (rows, columns) = parts[index]
            let place = out.row(rows.lowerBound) + columns.lowerBound
            multiply(
                panels(columns, pool: pool), x, rows, columns, into: place, stride: outputs,
                residual: residual.map { UnsafePointer($0.row(rows.lowerBound) + columns.lowerBound) })
            guard let activation else { return }
            for row in 0..<rows.count { activation.apply(to: place + row * outputs, count: columns.count) }
        }
        return out
    }

    /// GEGLU of the layer: the first half of its outputs times gelu of the second. The halves are never in memory as a whole.
    ///
    /// - Parameter x: (rows, inputs), of the layer's type.
    /// - Returns: (rows, outputs / 2)
    package func gatedGELU(_ x: Factors, pool: ComputePool) -> Factors {
        precondition(x.columns == inputs && x.type == type && outputs % 2 == 0)
        let half = outputs / 2
        guard half % Panels.width == 0 else {
            return Factors(Activation.gatedGELU(self(x, pool: pool), pool: pool), type: type, pool: pool)
        }
        let panels = weight.panels(forRows: x.rows, columns: half, pool: pool)
        let out = Matrix(rows: x.rows, columns: type.units(half), pool: pool)
        let parts = panels.parts(rows: x.rows, columns: half, widest: 5 * Panels.width, pool: pool)
        pool.forEach(parts.count) { index in
            let (rows, columns) = parts[index]
            let halves = Matrix(rows: rows.count, columns: 2 * columns.count)
            multiply(panels(columns, pool: pool), x, rows, columns, into: halves.start, stride: halves.columns)
            let gates = half + columns.lowerBound..<half + columns.upperBound
            multiply(
                panels(gates, pool: pool), x, rows, gates, into: halves.start + columns.count, stride: halves.columns)
            write(halves, into: out, rows, columns)
        }
        return Factors(units: out, columns: half, type: type)
    }

    /// The gated halves of some rows and columns as units of the result.
    private func write(_ halves: Matrix, into out: Matrix, _ rows: Range<Int>, _ columns: Range<Int>) {
        let count = columns.count
        guard type != .f32 else {
            umbel_gate(
                out.row(rows.lowerBound) + columns.lowerBound, out.columns, halves.start, halves.columns, rows.count,
                count)
            return
        }
        let gated = Matrix(rows: rows.count, columns: count)
        umbel_gate(gated.start, count, halves.start, halves.columns, rows.count, count)
        out.pack(gated, at: columns.lowerBound, rows: rows)
    }

    /// - Parameter columns: begin with a panel.
    private func multiply(
        _ panels: Panels, _ left: Factors, _ rows: Range<Int>, _ columns: Range<Int>,
        into out: UnsafeMutablePointer<Float>, stride: Int, residual: UnsafePointer<Float>? = nil
    ) {
        var product = umbel_panel_product(
            out: out, out_stride: stride, left: left.units.row(rows.lowerBound), left_stride: left.units.columns,
            panels: panels.from(output: columns.lowerBound), panel_stride: panels.stride, rows: rows.count,
            inner: panels.inner, columns: columns.count,
            bias: bias.map { UnsafePointer($0.start + columns.lowerBound) }, residual: residual,
            residual_stride: outputs, ahead: nil, ahead_bytes: 0, unit: panels.type.unit)
        umbel_multiply_panels(&product)
    }
}

extension Weights {
    /// The linear layer of that name, packed once for all that share its tensors.
    ///
    /// - Throws: if its weight is missing or has another shape.
    package func linear(_ name: String, inputs: Int, outputs: Int) throws(ModelError) -> Linear {
        let (weightName, biasName) = (name + ".weight", name + ".bias")
        // Some files keep 1 × 1 convolutions where others keep linear layers.
        let weight = try tensor(weightName)
        guard weight.shape.first == outputs, weight.elementCount == inputs * outputs else {
            throw .shape(tensor: prefix + weightName, found: weight.shape, expected: [outputs, inputs])
        }
        let (bias, type) = (try optionalTensor(biasName, shape: [outputs]), computeType)
        return try source.layer(of: [prefix + weightName, prefix + biasName], kind: "linear \(type)") {
            (packing) throws(ModelError) in Linear(weight: weight, bias: bias, type: type, packing: packing)
        }
    }
}
