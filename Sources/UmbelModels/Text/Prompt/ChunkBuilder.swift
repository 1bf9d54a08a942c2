/// Fills chunks with the tokens of a prompt, one after the other.
struct ChunkBuilder {
    /// What stands at one position.
    struct Entry {
        let token: Int32
        let weight: Float
        /// Of an embedding: its index, and the row of it.
        var vector: (embedding: Int, row: Int)?
    }

    private let tokenizer: CLIPTokenizer
    private let size: Int
    private let commaReach: Int
    private var chunks: [PromptChunk] = []
    private var entries: [Entry] = []
    /// Where the last comma of the chunk stands.
    private var lastComma: Int?

    /// - Parameter size: tokens in a chunk, without begin and end.
    init(tokenizer: CLIPTokenizer, size: Int, commaReach: Int) {
        self.tokenizer = tokenizer
        self.size = size
        self.commaReach = commaReach
    }

    mutating func add(_ pieces: [TriggeredTokenizer.Piece], weight: Float) {
        for piece in pieces {
            switch piece {
            case .token(let token): add(token, weight: weight)
            case .embedding(let index, let rows): add(embedding: index, rows: rows, weight: weight)
            }
        }
    }

    private mutating func add(_ token: Int32, weight: Float) {
        if token == tokenizer.commaToken {
            lastComma = entries.count
        } else {
            moveUnfinishedPhrase()
        }
        if entries.count == size { endChunk() }
        entries.append(Entry(token: token, weight: weight))
    }

    /// An embedding stays together, unless it is larger than a chunk.
    private mutating func add(embedding: Int, rows: Int, weight: Float) {
        moveUnfinishedPhrase()
        if entries.count + rows > size, !entries.isEmpty { endChunk() }
        for row in 0..<rows {
            if entries.count == size { endChunk() }
            // Token 0, because a text model looks for the end of its text by its token.
            entries.append(Entry(token: 0, weight: weight, vector: (embedding, row)))
        }
    }

    /// Where a chunk is full and its last comma near, what comes after that goes into the next one.
    private mutating func moveUnfinishedPhrase() {
        guard entries.count == size, let lastComma, entries.count - lastComma <= commaReach else { return }
        let phrase = entries[(lastComma + 1)...]
        entries.removeSubrange((lastComma + 1)...)
        endChunk()
        entries = Array(phrase)
    }

    mutating func endChunk() {
        chunks.append(chunk(of: entries))
        entries = []
        lastComma = nil
    }

    /// All chunks, at least one.
    mutating func finished() -> [PromptChunk] {
        if !entries.isEmpty || chunks.isEmpty { endChunk() }
        return chunks
    }

    func chunk(of entries: [Entry]) -> PromptChunk {
        let padding = size - entries.count
        let placements = entries.enumerated().compactMap { index, entry in
            entry.vector.map {
                PromptChunk.Placement(position: index + 1, embedding: $0.embedding, vector: $0.row)
            }
        }
        return PromptChunk(
            tokens: [tokenizer.beginToken] + entries.map(\.token) + [tokenizer.endToken]
                + Array(repeating: tokenizer.padToken, count: padding),
            weights: [1] + entries.map(\.weight) + Array(repeating: 1, count: padding + 1), placements: placements)
    }
}
