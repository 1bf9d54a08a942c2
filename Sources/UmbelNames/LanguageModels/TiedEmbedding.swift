/// The output head of a language model that is its embedding (peft.md 6.2).
struct TiedEmbedding: Sendable {
    /// Heads and the embeddings they may share, in transformers' models.
    private static let heads = ["lm_head", "language_model.lm_head", "cls.predictions.decoder"]
    private static let embeddings = [
        "model.embed_tokens", "embed_tokens", "transformer.wte", "wte", "shared", "gpt_neox.embed_in",
        "model.language_model.embed_tokens", "language_model.model.embed_tokens", "model.decoder.embed_tokens",
        "bert.embeddings.word_embeddings", "transformer.word_embeddings",
    ]

    /// Gives the embedding the head's name, if the base stores no head.
    static func addHead(to modules: inout NamedModules) {
        let named = modules.canonical
        guard let weight = embeddings.lazy.compactMap({ named[$0]?.weight }).first else { return }
        let names = named["bert.embeddings.word_embeddings"] == nil ? heads.prefix(1) : heads[2...]
        for name in names { modules.addCanonical(name, ModuleViews(weight: weight)) }
    }

    /// Tensors that must change alike: an embedding and a head that is stored although the configuration ties them.
    static func pair(in names: TensorNames) -> TiedTensors? {
        guard let head = heads.lazy.compactMap({ names.index["\($0).weight"] }).first,
            let embedding = embeddings.lazy.compactMap({ names.index["\($0).weight"] }).first
        else { return nil }
        return TiedTensors(embedding: embedding, head: head)
    }
}

/// Two stored tensors that are one to the model. What changes one has to change the other (names.md 13).
package struct TiedTensors: Hashable, Sendable {
    package let embedding: Int
    package let head: Int
}
