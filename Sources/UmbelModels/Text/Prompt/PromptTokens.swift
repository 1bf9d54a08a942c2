/// A prompt as one text encoder takes it: chunks of as many tokens as its text model has positions.
package struct PromptTokens: Hashable, Sendable {
    package let chunks: [PromptChunk]
    /// What a shorter prompt is filled up with.
    private let emptyChunk: PromptChunk

    /// Cuts a prompt into chunks.
    ///
    /// With a syntax, a prompt of any length goes into as many chunks as it needs; `BREAK` begins one; and where a chunk is
    /// full in the midst of a phrase, what follows its last comma moves into the next chunk if it is short enough. Without
    /// one (`Emphasis.none`), what does not fit is cut off.
    ///
    /// - Parameters:
    ///   - positions: of the text model; 77 for CLIP. A chunk has three at least: begin, a token, end.
    ///   - commaReach: how many tokens may follow a comma and still move with it; 0 never moves any.
    package init(
        _ prompt: String, tokenizer: TriggeredTokenizer, emphasis: Emphasis = .original, positions: Int = 77,
        commaReach: Int = 20
    ) {
        let parts = emphasis == .none ? [.text(prompt, weight: 1)] : PromptPart.parse(prompt)
        var builder = ChunkBuilder(tokenizer: tokenizer.tokenizer, size: max(1, positions - 2), commaReach: commaReach)
        for part in parts {
            switch part {
            case .chunkBreak: builder.endChunk()
            case .text(let text, let weight): builder.add(tokenizer.pieces(of: text), weight: Float(weight))
            }
        }
        emptyChunk = builder.chunk(of: [])
        let found = builder.finished()
        chunks = emphasis == .none ? Array(found.prefix(1)) : found
    }

    /// The chunks, and empty ones after them, so that a prompt and its negative one are equally long.
    package func chunks(filledTo count: Int) -> [PromptChunk] {
        chunks + Array(repeating: emptyChunk, count: max(0, count - chunks.count))
    }
}

/// What goes through a text model at once: begin, up to 75 tokens, end, padding.
package struct PromptChunk: Hashable, Sendable {
    /// The place of a vector of an embedding.
    package struct Placement: Hashable, Sendable {
        /// In the chunk; the begin token is 0.
        package let position: Int
        /// Index of the embedding in the list that the tokenizer was given.
        package let embedding: Int
        /// Row of it.
        package let vector: Int

        package init(position: Int, embedding: Int, vector: Int) {
            self.position = position
            self.embedding = embedding
            self.vector = vector
        }
    }

    /// One a position. Where an embedding goes, a token stands that it replaces.
    package let tokens: [Int32]
    /// One a position; 1 for begin, end and padding.
    package let weights: [Float]
    /// In the order of their positions.
    package let placements: [Placement]
}
