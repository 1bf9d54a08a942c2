package import UmbelTensor

/// What a text came to: what the U-Net looks at while it draws.
package struct TextCondition: Sendable {
    /// (tokens, size): all chunks behind each other.
    package let context: Matrix
    /// SDXL's vector of the whole text.
    package let pooled: [Float]?

    /// As long and as wide, of zeros.
    var zeroed: TextCondition {
        TextCondition(
            context: Matrix(rows: context.rows, columns: context.columns, repeating: 0),
            pooled: pooled.map { [Float](repeating: 0, count: $0.count) })
    }
}

/// Encodes texts with the text encoders of a model.
struct TextConditioner {
    let pipeline: DiffusionPipeline
    let networks: DiffusionNetworks
    let request: DrawingRequest
    let share: DrawingShare
    /// Trained words, which prompts may use.
    let embeddings: [TextualInversion]
    let pass: ForwardPass

    /// The prompt and, where it is looked at, the negative one, equally long.
    ///
    /// - Parameters: the texts of each encoder; where there are fewer, the last one is the others' too.
    /// - Throws: for an embedding that has no vectors for one of the encoders, for too many layers to skip, and for a text of
    ///   too many chunks.
    func conditions(
        prompt: [String], negative: [String]?
    ) throws(ModelError) -> (positive: TextCondition, negative: TextCondition?) {
        let positive = try tokens(prompt, field: "prompt")
        let negativeTokens = try negative.map { (texts) throws(ModelError) in
            try tokens(texts, field: "negative_prompt")
        }
        let count = zip(positive, negativeTokens ?? positive).map { max($0.chunks.count, $1.chunks.count) }.max() ?? 1
        let condition = try encode(positive, chunks: count, clipSkip: request.clipSkip)
        guard let negative, let negativeTokens else { return (condition, nil) }
        if negative.allSatisfy(\.isEmpty), pipeline.zeroesEmptyPrompt { return (condition, condition.zeroed) }
        // diffusers leaves layers out for the prompt alone, the web UIs for both.
        let clipSkip = request.emphasis == .none ? 0 : request.clipSkip
        return (condition, try encode(negativeTokens, chunks: count, clipSkip: clipSkip))
    }

    /// Chunks of one text at most, 75 tokens each: each is a pass through the text encoders, and so many keys for every
    /// attention of every step.
    static let chunkLimit = 32

    /// For each encoder.
    private func tokens(_ texts: [String], field: String) throws(ModelError) -> [PromptTokens] {
        var result: [PromptTokens] = []
        for (index, tokenizer) in pipeline.tokenizers.enumerated() {
            let isSecond = index > 0 && texts.count > 1
            let tokens = PromptTokens(
                texts[isSecond ? 1 : 0], tokenizer: TriggeredTokenizer(tokenizer, inversions: embeddings),
                emphasis: emphasis, positions: networks.textEncoders[index].configuration.positions)
            guard tokens.chunks.count <= Self.chunkLimit else {
                throw .request(
                    field: isSecond ? field + "_2" : field, value: "of \(tokens.chunks.count) chunks",
                    expected: "at most \(Self.chunkLimit) chunks of 75 tokens")
            }
            result.append(tokens)
        }
        return result
    }

    private var emphasis: Emphasis {
        switch request.emphasis {
        case .none: .none
        case .original: .original
        case .noNormalization: .noNorm
        case .ignored: .ignored
        }
    }

    /// Encoded once for all drawings that share it.
    private func encode(
        _ tokens: [PromptTokens], chunks count: Int, clipSkip: Int
    ) throws(ModelError) -> TextCondition {
        var inputs: [DrawingShare.EncoderInput] = []
        for index in networks.textEncoders.indices {
            let chunks = tokens[index].chunks(filledTo: count)
            inputs.append(.init(chunks: chunks, replacements: try replacements(chunks, encoder: index)))
        }
        let key = DrawingShare.TextKey(
            encoders: networks.textIdentity, inputs: inputs, clipSkip: clipSkip, emphasis: request.emphasis)
        return try share.text(key, by: networks) { () throws(ModelError) in
            try condition(of: inputs, clipSkip: clipSkip)
        }
    }

    private func condition(
        of inputs: [DrawingShare.EncoderInput], clipSkip: Int
    ) throws(ModelError) -> TextCondition {
        var contexts: [Matrix] = []
        var pooled: [Float]?
        for (encoder, input) in zip(networks.textEncoders, inputs) {
            let chunks = input.chunks
            let states = try encoder(
                chunks.map { $0.tokens.map(Int.init) }, replacing: input.replacements, pass)
            let context = try layer(of: states, encoder, clipSkip: clipSkip)
            let length = encoder.configuration.positions
            for (chunk, content) in chunks.enumerated() {
                let rows = Matrix(rows: length, columns: context.columns)
                rows.start.update(from: context.row(chunk * length), count: rows.count)
                emphasis.apply(content.weights, to: rows)
                context.row(chunk * length).update(from: rows.start, count: rows.count)
            }
            contexts.append(context)
            // The last encoder has the projection; the first chunk stands for the whole text.
            if let projected = states.projected {
                pooled = Array(UnsafeBufferPointer(start: projected.start, count: projected.columns))
            }
        }
        return TextCondition(context: Self.beside(contexts), pooled: pipeline.family == .xl ? pooled : nil)
    }

    /// The layer that clip skip chooses. Stable Diffusion 1 and 2 put it through the last norm, SDXL takes the one before
    /// the last as it is.
    private func layer(
        of states: CLIPTextStates, _ encoder: CLIPTextModel, clipSkip: Int
    ) throws(ModelError) -> Matrix {
        let skipped = clipSkip + (pipeline.family == .xl ? 1 : 0)
        if skipped == 0 { return states.last }
        guard let layer = states.skipping(skipped), skipped < encoder.configuration.layers + 1 else {
            throw .request(
                field: "clip_skip", value: "\(request.clipSkip)",
                expected: "fewer than the \(encoder.configuration.layers) layers of the text encoder")
        }
        return pipeline.family == .xl ? layer : encoder.normalized(layer, pool: pass.pool)
    }

    private func replacements(
        _ chunks: [PromptChunk], encoder: Int
    ) throws(ModelError) -> [CLIPTextModel.Replacement] {
        var result: [CLIPTextModel.Replacement] = []
        for (index, chunk) in chunks.enumerated() {
            for placement in chunk.placements {
                let embedding = embeddings[placement.embedding]
                guard let vector = embedding.vector(placement.vector, ofEncoder: encoder) else {
                    throw .request(
                        field: "prompt", value: embedding.name, expected: "an embedding for each text encoder")
                }
                result.append(.init(text: index, position: placement.position, vector: vector))
            }
        }
        return result
    }

    /// The columns of all matrices beside each other.
    private static func beside(_ matrices: [Matrix]) -> Matrix {
        guard matrices.count > 1 else { return matrices[0] }
        let out = Matrix(rows: matrices[0].rows, columns: matrices.reduce(0) { $0 + $1.columns })
        for row in 0..<out.rows {
            var place = out.row(row)
            for matrix in matrices {
                place.update(from: matrix.row(row), count: matrix.columns)
                place += matrix.columns
            }
        }
        return out
    }
}
