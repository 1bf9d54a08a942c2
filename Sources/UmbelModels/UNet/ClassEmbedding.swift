package import UmbelTensor

/// What a picture is to be of, for a network that knows classes.
package enum ClassLabels: Sendable {
    /// Numbers of classes, or times: one for each picture.
    case numbers([Float])
    /// (batch, size)
    case vectors(Matrix)
}

/// The vector that is added to the time vector for a class.
struct ClassEmbedding: Sendable {
    private enum Kind: Sendable {
        case learnt(TensorView)
        case timestep(Wave, VectorEmbedding)
        case identity
        case projection(VectorEmbedding)
        case simpleProjection(Linear)
    }

    private let kind: Kind
    /// Length of the vectors it takes; nil where it takes numbers.
    private let inputSize: Int?

    /// - Throws: if a tensor is missing or has another shape.
    init(
        _ weights: Weights, _ classes: UNetConfiguration.Classes, _ configuration: UNetConfiguration, wave: Wave,
        waveSize: Int
    ) throws(ModelError) {
        let (part, size) = (weights["class_embedding"], configuration.timeSize)
        switch classes {
        case .learnt(let count):
            kind = .learnt(try part.tensor("weight", shape: [count, size]))
            inputSize = nil
        case .timestep:
            kind = .timestep(
                wave,
                try VectorEmbedding(part, inputs: waveSize, outputs: size, activation: configuration.activation))
            inputSize = nil
        case .identity:
            kind = .identity
            inputSize = size
        case .projection(let inputs):
            kind = .projection(try VectorEmbedding(part, inputs: inputs, outputs: size))
            inputSize = inputs
        case .simpleProjection(let inputs):
            kind = .simpleProjection(try weights.linear("class_embedding", inputs: inputs, outputs: size))
            inputSize = inputs
        }
    }

    /// - Returns: (batch, time size)
    /// - Throws: `missingInput` without labels of the kind that it takes, or of the size.
    func callAsFunction(_ labels: ClassLabels?, batch: Int, pool: ComputePool) throws(ModelError) -> Matrix {
        switch (kind, labels) {
        case (.learnt(let table), .numbers(let numbers)?) where numbers.count == batch:
            return try Self.rows(table, numbers)
        case (.timestep(let wave, let embedding), .numbers(let numbers)?) where numbers.count == batch:
            return embedding(wave(numbers), pool: pool)
        case (.identity, .vectors(let vectors)?) where fits(vectors, batch): return vectors
        case (.projection(let embedding), .vectors(let vectors)?) where fits(vectors, batch):
            return embedding(vectors, pool: pool)
        case (.simpleProjection(let linear), .vectors(let vectors)?) where fits(vectors, batch):
            return linear(vectors, pool: pool)
        default: throw .missingInput("class_labels")
        }
    }

    private func fits(_ vectors: Matrix, _ batch: Int) -> Bool {
        vectors.rows == batch && vectors.columns == inputSize
    }

    private static func rows(_ table: TensorView, _ numbers: [Float]) throws(ModelError) -> Matrix {
        let (count, size) = (table.shape[0], table.shape[1])
        let out = Matrix(rows: numbers.count, columns: size)
        for (row, number) in numbers.enumerated() {
            guard number >= 0, number < Float(count) else { throw .missingInput("class_labels") }
            let index = Int(number)
            table.widen(index * size..<(index + 1) * size, into: out.row(row))
        }
        return out
    }
}
