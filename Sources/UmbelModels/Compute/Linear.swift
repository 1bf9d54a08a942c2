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
        precondition(x.columns == inputs && residual.map { $0.rows == x.rows && $0.columns == outputs } ?? true)
        let panels = weight.panels(forRows: x.rows, columns: outputs, pool: pool)
        let shared = panels.sharedRows(x, pool: pool)
        let out = Matrix(rows: x.rows, columns: outputs)
        let parts = panels.parts(rows: x.rows, columns: outputs, pool: pool)
        pool.forEach(parts.count) { index in
            let (rows, columns) = parts[index]
            let left = shared ?? LeftRows(x, rows, type)
            let place = out.row(rows.lowerBound) + columns.lowerBound
            multiply(
                panels(columns, pool: pool), left, columns, into: place, stride: outputs,
                residual: residual.map { UnsafePointer($0.row(rows.lowerBound) + columns.lowerBound) })
            guard let activation else { return }
            for row in 0..<rows.count { activation.apply(to: place + row * outputs, count: columns.count) }
        }
        return out
    }

    /// GEGLU of the layer: the first half of its outputs times gelu of the second. The halves are never in memory as a whole.
    ///
    /// - Returns: (rows, outputs / 2)
    package func gatedGELU(_ x: Matrix, pool: ComputePool) -> Matrix {
        precondition(x.columns == inputs && outputs % 2 == 0)
        let half = outputs / 2
        guard half % Panels.width == 0 else { return Activation.gatedGELU(self(x, pool: pool), pool: pool) }
        let panels = weight.panels(forRows: x.rows, columns: half, pool: pool)
        let shared = panels.sharedRows(x, pool: pool)
        let out = Matrix(rows: x.rows, columns: half)
        let parts = panels.parts(rows: x.rows, columns: half, widest: 5 * Panels.width, pool: pool)
        pool.forEach(parts.count) { index in
            let (rows, columns) = parts[index]
            let left = shared ?? LeftRows(x, rows, type)
            let halves = Matrix(rows: rows.count, columns: 2 * columns.count)
            multiply(panels(columns, pool: pool), left, columns, into: halves.start, stride: halves.columns)
            let gates = half + columns.lowerBound..<half + columns.upperBound
            multiply(
                panels(gates, pool: pool), left, gates, into: halves.start + columns.count, stride: halves.columns)
            umbel_gate(
                out.row(rows.lowerBound) + columns.lowerBound, half, halves.start, halves.columns, rows.count,
                columns.count)
        }
        return out
    }

    /// - Parameter columns: begin with a panel.
    private func multiply(
        _ panels: Panels, _ left: LeftRows, _ columns: Range<Int>, into out: UnsafeMutablePointer<Float>, stride: Int,
        residual: UnsafePointer<Float>? = nil
    ) {
        var product = umbel_panel_product(
            out: out, out_stride: stride, left: left.start, left_stride: left.stride,
            panels: panels.from(output: columns.lowerBound), panel_stride: panels.stride, rows: left.count,
            inner: panels.inner, columns: columns.count,
            bias: bias.map { UnsafePointer($0.start + columns.lowerBound) }, residual: residual,
            residual_stride: outputs, unit: panels.type.unit)
        umbel_multiply_panels(&product)
    }
}

/// Some rows of a matrix as factors of a product.
struct LeftRows: @unchecked Sendable {
    // Sendable: nobody writes to the rows as long as there are products of them.
    /// Whose memory it is.
    private let owner: Matrix
    let start: UnsafePointer<Float>
    /// In units.
    let stride: Int
    let count: Int

    init(_ x: Matrix, _ rows: Range<Int>, _ type: ComputeType) {
        stride = type.units(x.columns)
        count = rows.count
        if type == .f32 {
            owner = x
            start = UnsafePointer(x.row(rows.lowerBound))
        } else {
            owner = x.pairedColumns(rows)
            start = UnsafePointer(owner.start)
        }
    }

    /// All rows, made by all threads.
    init(_ x: Matrix, _ type: ComputeType, pool: ComputePool) {
        owner = type == .f32 ? x : x.pairedColumns(pool: pool)
        start = UnsafePointer(owner.start)
        stride = type.units(x.columns)
        count = x.rows
    }
}

extension Matrix {
    /// Some rows as pairs of bf16, one unit for two neighbouring columns.
    func pairedColumns(_ rows: Range<Int>) -> Matrix {
        let units = Matrix(rows: rows.count, columns: ComputeType.bf16.units(columns))
        units.start.withMemoryRebound(to: UInt32.self, capacity: units.count) { place in
            umbel_pack_columns(place, units.columns, row(rows.lowerBound), columns, rows.count, columns)
        }
        return units
    }

    /// All rows as pairs of bf16, made by all threads.
    func pairedColumns(pool: ComputePool) -> Matrix {
        let units = Matrix(rows: rows, columns: ComputeType.bf16.units(columns))
        pool.forEachRange(rows, grain: 64) { range in
            let place = units.row(range.lowerBound)
            place.withMemoryRebound(to: UInt32.self, capacity: range.count * units.columns) { place in
                umbel_pack_columns(place, units.columns, self.row(range.lowerBound), columns, range.count, columns)
            }
        }
        return units
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
