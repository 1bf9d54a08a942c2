internal import CUmbelKernels
package import UmbelTensor

/// y = x · Wᵀ + b with W (outputs, inputs), as files have it.
package final class Linear: Sendable {
    package let inputs: Int
    package let outputs: Int
    /// (inputs, outputs)
    private let weight: Matrix
    private let bias: [Float]?

    /// - Precondition: `weight` has two axes, or further ones of size 1; `bias` has a number for each output.
    package init(weight: TensorView, bias: TensorView?) {
        outputs = weight.shape[0]
        inputs = weight.elementCount / max(1, outputs)
        precondition(bias.map { $0.elementCount == weight.shape[0] } ?? true)
        self.weight = weight.matrix().transposed()
        self.bias = bias?.values()
    }

    /// - Parameters:
    ///   - x: (rows, inputs)
    ///   - residual: is added, (rows, outputs).
    /// - Returns: (rows, outputs)
    package func callAsFunction(_ x: Matrix, adding residual: Matrix? = nil, pool: ComputePool) -> Matrix {
        precondition(x.columns == inputs && residual.map { $0.rows == x.rows && $0.columns == outputs } ?? true)
        let out = Matrix(rows: x.rows, columns: outputs)
        pool.forEachRange(x.rows, grain: 32) { rows in
            umbel_multiply(
                out.row(rows.lowerBound), outputs, x.row(rows.lowerBound), inputs, weight.start, outputs, rows.count,
                inputs, outputs)
            for row in rows {
                let place = out.row(row)
                if let bias { for column in 0..<outputs { place[column] += bias[column] } }
                guard let residual else { continue }
                let other = residual.row(row)
                for column in 0..<outputs { place[column] += other[column] }
            }
        }
        return out
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
        let bias = try optionalTensor(biasName, shape: [outputs])
        return try source.layer(of: [prefix + weightName, prefix + biasName], kind: "linear") {
            () throws(ModelError) in Linear(weight: weight, bias: bias)
        }
    }
}
