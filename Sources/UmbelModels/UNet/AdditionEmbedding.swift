package import UmbelTensor

/// What SDXL is told beside the text: a pooled vector of it, and the sizes of pictures.
package struct AddedConditions: Sendable {
    /// (batch, size)
    package let pooledText: Matrix
    /// Numbers for each picture, as many for each: original height and width, top and left of the cut, target height and
    /// width; or, for the refiner, a score in place of the last two.
    package let numbers: [[Float]]

    package init(pooledText: Matrix, numbers: [[Float]]) {
        self.pooledText = pooledText
        self.numbers = numbers
    }
}

/// The vector that is added to the time vector for the whole text, and for numbers.
enum AdditionEmbedding: Sendable {
    case text(PooledText)
    case textAndNumbers(Wave, VectorEmbedding, size: Int)

    /// - Throws: if a tensor is missing or has another shape.
    init(
        _ weights: Weights, _ addition: UNetConfiguration.Addition, _ configuration: UNetConfiguration, contextSize: Int
    ) throws(ModelError) {
        switch addition {
        case .text(let heads):
            self = .text(
                try PooledText(weights, size: contextSize, heads: heads, outputs: configuration.timeSize))
        case .textAndNumbers(let size, let numberSize):
            let time = configuration.time
            self = .textAndNumbers(
                .positional(size: numberSize, cosinesFirst: time.cosinesFirst, shift: time.frequencyShift),
                try VectorEmbedding(weights, inputs: size, outputs: configuration.timeSize), size: size)
        }
    }

    /// - Parameters:
    ///   - context: the text's vectors as they come, (batch · tokens, size).
    ///   - added: needed where numbers are.
    /// - Throws: `missingInput` without them, or if they are too many or too few.
    func callAsFunction(
        _ context: Matrix, _ added: AddedConditions?, batch: Int, pool: ComputePool
    ) throws(ModelError) -> Matrix {
        switch self {
        case .text(let pooling): return pooling(context, batch: batch, pool: pool)
        case .textAndNumbers(let wave, let embedding, let size):
            guard let added else { throw .missingInput("added_cond_kwargs") }
            guard added.pooledText.rows == batch else { throw .missingInput("text_embeds") }
            let vectors = try Self.joined(added, wave, size)
            return embedding(vectors, pool: pool)
        }
    }

    /// The pooled text, and behind it the waves of the numbers.
    private static func joined(_ added: AddedConditions, _ wave: Wave, _ size: Int) throws(ModelError) -> Matrix {
        let pooled = added.pooledText
        let out = Matrix(rows: pooled.rows, columns: size)
        for row in 0..<pooled.rows {
            guard row < added.numbers.count else { throw .missingInput("time_ids") }
            let waves = wave(added.numbers[row])
            guard pooled.columns + waves.count == size else { throw .missingInput("time_ids") }
            out.row(row).update(from: pooled.row(row), count: pooled.columns)
            (out.row(row) + pooled.columns).update(from: waves.start, count: waves.count)
        }
        return out
    }
}

/// A text's vectors as one: an attention of their mean on all of them and itself, between two norms.
struct PooledText: Sendable {
    private let norm1: LayerNorm
    private let position: [Float]
    private let query: Linear
    private let keys: Linear
    private let values: Linear
    private let heads: Int
    private let projection: Linear
    private let norm2: LayerNorm

    /// - Throws: if a tensor is missing or has another shape.
    init(_ weights: Weights, size: Int, heads: Int, outputs: Int) throws(ModelError) {
        guard heads > 0, size % heads == 0 else {
            throw .unsupported(setting: "addition_embed_type_num_heads", value: "\(heads) of \(size)")
        }
        norm1 = try weights.layerNorm("norm1", size: size)
        position = try weights.tensor("pool.positional_embedding", shape: [1, size]).values()
        query = try weights.linear("pool.q_proj", inputs: size, outputs: size)
        keys = try weights.linear("pool.k_proj", inputs: size, outputs: size)
        values = try weights.linear("pool.v_proj", inputs: size, outputs: size)
        self.heads = heads
        projection = try weights.linear("proj", inputs: size, outputs: outputs)
        norm2 = try weights.layerNorm("norm2", size: outputs)
    }

    /// - Parameter x: (batch · tokens, size)
    func callAsFunction(_ x: Matrix, batch: Int, pool: ComputePool) -> Matrix {
        let (means, all) = withMeans(norm1(x, pool: pool), batch: batch)
        let pooled = Attention.of(
            query: query(means, pool: pool), keys: keys(all, pool: pool), values: values(all, pool: pool),
            batch: batch, heads: heads, pool: pool)
        return norm2(projection(pooled, pool: pool), pool: pool)
    }

    /// The mean of each text's vectors with a learnt offset; and all vectors, behind their mean.
    private func withMeans(_ x: Matrix, batch: Int) -> (means: Matrix, all: Matrix) {
        let (tokens, size) = (x.rows / batch, x.columns)
        let means = Matrix(rows: batch, columns: size)
        let all = Matrix(rows: batch * (tokens + 1), columns: size)
        for text in 0..<batch {
            for column in 0..<size {
                var sum = 0.0
                for token in 0..<tokens { sum += Double(x.row(text * tokens + token)[column]) }
                means.row(text)[column] = Float(sum / Double(tokens)) + position[column]
            }
            let place = all.row(text * (tokens + 1))
            place.update(from: means.row(text), count: size)
            (place + size).update(from: x.row(text * tokens), count: tokens * size)
        }
        return (means, all)
    }
}
