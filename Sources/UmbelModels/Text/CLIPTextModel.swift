package import UmbelTensor

/// The text encoder of Stable Diffusion: tokens to a vector each, and to one of the whole text.
package struct CLIPTextModel: Sendable {
    package let configuration: CLIPTextConfiguration
    private let tokens: TensorView
    private let positions: Matrix
    private let layers: [CLIPTextLayer]
    private let finalNorm: LayerNorm
    private let projection: Linear?

    /// - Parameter weights: by the names of transformers, with or without `text_model.` in front. `text_projection` is there
    ///   or not.
    /// - Throws: if a tensor is missing or has another shape.
    package init(_ configuration: CLIPTextConfiguration, _ weights: Weights) throws(ModelError) {
        self.configuration = configuration
        let size = configuration.size
        let inner = weights["text_model"]
        let model = inner.has("final_layer_norm.weight") ? inner : weights
        tokens = try model.tensor("embeddings.token_embedding.weight", shape: [configuration.vocabulary, size])
        positions = try model.tensor("embeddings.position_embedding.weight", shape: [configuration.positions, size])
            .matrix()
        var layers: [CLIPTextLayer] = []
        for index in 0..<configuration.layers {
            layers.append(try CLIPTextLayer(model["encoder.layers", index], configuration))
        }
        self.layers = layers
        finalNorm = try model.layerNorm("final_layer_norm", size: size, epsilon: configuration.epsilon)
        projection =
            weights.has("text_projection.weight")
            ? try weights.linear("text_projection", inputs: size, outputs: configuration.projectionSize) : nil
    }

    /// A vector in place of a token's embedding: one of a textual inversion.
    package struct Replacement: Hashable, Sendable {
        /// Which text of the batch, and where in it.
        package let text: Int
        package let position: Int
        package let vector: [Float]

        package init(text: Int, position: Int, vector: [Float]) {
            (self.text, self.position, self.vector) = (text, position, vector)
        }
    }

    /// - Parameters:
    ///   - ids: tokens of each text, all of the same number.
    ///   - replacements: vectors as long as the model's; a token that is replaced need not be in the vocabulary.
    /// - Throws: for tokens that there is no embedding or no position of, for vectors of another length, and what the observer
    ///   throws.
    package func callAsFunction(
        _ ids: [[Int]], replacing replacements: [Replacement] = [], _ pass: ForwardPass
    ) throws(ModelError) -> CLIPTextStates {
        var states = [try embeddings(ids, replacing: replacements)]
        for (index, layer) in layers.enumerated() {
            let next = layer(states[index], batch: ids.count, pool: pass.pool)
            states.append(next)
            try pass.finished("text_model.encoder.layers.\(index)", sequence(next, ids))
        }
        let last = finalNorm(states[layers.count], pool: pass.pool)
        try pass.finished("text_model.final_layer_norm", sequence(last, ids))
        let pooled = Matrix(rows: ids.count, columns: configuration.size)
        for (text, tokens) in ids.enumerated() {
            let row = last.row(text * tokens.count + end(of: tokens))
            pooled.row(text).update(from: row, count: configuration.size)
        }
        return CLIPTextStates(
            layers: states, last: last, pooled: pooled, projected: projection.map { $0(pooled, pool: pass.pool) })
    }

    /// What the last norm makes of a layer's output: Stable Diffusion 1 and 2 take it of the layer that clip skip chooses;
    /// SDXL takes none.
    package func normalized(_ states: Matrix, pool: ComputePool) -> Matrix { finalNorm(states, pool: pool) }

    private func sequence(_ states: Matrix, _ ids: [[Int]]) -> FeatureMap {
        FeatureMap(batch: ids.count, height: 1, width: ids.first?.count ?? 0, states)
    }

    /// Where a text ends: at its first end token, or, by the rule of older configurations, at its largest one.
    private func end(of tokens: [Int]) -> Int {
        let end = configuration.endToken == 2 ? tokens.max() : configuration.endToken
        return tokens.firstIndex { $0 == end } ?? 0
    }

    /// Embeddings of tokens and positions, (texts · tokens, size).
    private func embeddings(_ ids: [[Int]], replacing replacements: [Replacement]) throws(ModelError) -> Matrix {
        let (length, size) = (ids.first?.count ?? 0, configuration.size)
        precondition(ids.allSatisfy { $0.count == length })
        if let other = replacements.first(where: { $0.vector.count != size }) {
            throw .shape(tensor: "textual inversion", found: [other.vector.count], expected: [size])
        }
        guard length <= configuration.positions else {
            throw .tooManyTokens(length, limit: configuration.positions)
        }
        let out = Matrix(rows: ids.count * length, columns: size)
        let vectors = Dictionary(
            replacements.map { ($0.text * length + $0.position, $0.vector) }, uniquingKeysWith: { _, later in later })
        for (row, token) in ids.joined().enumerated() {
            let place = out.row(row)
            if let vector = vectors[row] {
                vector.withUnsafeBufferPointer { for index in 0..<size { place[index] = $0[index] } }
            } else if token >= 0, token < configuration.vocabulary {
                tokens.widen(token * size..<(token + 1) * size, into: place)
            } else {
                throw .tokenOutOfRange(token, vocabulary: configuration.vocabulary)
            }
            let position = positions.row(row % length)
            for index in 0..<size { place[index] += position[index] }
        }
        return out
    }
}

/// What a text encoder makes of a batch of texts.
package struct CLIPTextStates: Sendable {
    /// The embeddings and the output of each layer, before the last norm: (texts · tokens, size) each.
    package let layers: [Matrix]
    /// The last layer's output after the last norm, (texts · tokens, size).
    package let last: Matrix
    /// `last` at the end of each text, (texts, size).
    package let pooled: Matrix
    /// `pooled` times the projection, (texts, projected size); nil where there is none.
    package let projected: Matrix?

    /// The output of a layer counted from the last one: 0 is the last, 1 the one before. nil if there are not so many.
    package func skipping(_ count: Int) -> Matrix? {
        count >= 0 && count < layers.count ? layers[layers.count - 1 - count] : nil
    }
}
