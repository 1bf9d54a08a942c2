package import UmbelModels
package import UmbelRegistry

/// What prompts may say: textual inversions, and those whose files cannot be read.
package struct PromptWords: Sendable {
    package let embeddings: [TextualInversion]
    package let unreadable: [UnreadableEmbedding]

    /// - Parameter unreadable: counts only for words that none of `embeddings` has.
    package init(_ embeddings: [TextualInversion] = [], unreadable: [UnreadableEmbedding] = []) {
        self.embeddings = embeddings
        let taken = Set(embeddings.flatMap { $0.words.map { $0.lowercased() } })
        self.unreadable = unreadable.map { $0.without(taken) }
    }

    /// - Throws: `unreadableContent` if a prompt says the word of a textual inversion that cannot be read.
    package func check(_ request: DrawingRequest) throws(EngineError) {
        for item in unreadable {
            let words = TriggerWords(item.words)
            if request.prompts.contains(where: words.occur) { throw item.error }
        }
    }
}

/// A stored textual inversion whose file is missing or damaged.
package struct UnreadableEmbedding: Sendable {
    /// Of the adapter.
    package let name: String
    package let digest: String
    /// What a prompt says to mean it.
    package private(set) var words: [String]
    package let facts: EmbeddingFacts
    /// Why it cannot be read.
    package let error: EngineError

    init(_ record: AdapterRecord, _ facts: EmbeddingFacts, _ error: EngineError) {
        (name, digest) = (record.name, record.digest)
        (self.facts, self.error) = (facts, error)
        words = [record.name] + facts.words
    }

    fileprivate func without(_ taken: Set<String>) -> UnreadableEmbedding {
        var copy = self
        copy.words = words.filter { !taken.contains($0.lowercased()) }
        return copy
    }
}
