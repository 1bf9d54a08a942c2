internal import UmbelAdapters
package import UmbelEngine
package import UmbelFormats
internal import UmbelModels
internal import UmbelRegistry

/// Textual inversions as JSON.
package enum EmbeddingView {
    /// What prompts may say because of an adapter: each embedding that it is or has.
    ///
    /// - Parameters:
    ///   - name: of the adapter.
    ///   - bases: those of them whose prompts may are told too; nil for where there are none.
    package static func list(_ name: String, _ loaded: LoadedAdapter, _ bases: [BaseModel]? = nil) -> JSON {
        let items = zip(loaded.adapter.embeddings, loaded.embeddings(called: name)).map { stored, read -> JSON in
            switch read {
            case .success(let embedding):
                let fitting = bases.map { $0.filter { embedding.misfit($0.textWidths) == nil }.map(\.name) }
                return .object(
                    [.init("name", .string(embedding.name))] + facts(embedding)
                        + (fitting.map { [.init("bases", JSON($0))] } ?? []))
            case .failure(let error):
                return ["name": .string(stored.name ?? name), "problem": .string(error.sentence)]
            }
        }
        return .array(items)
    }

    /// How many of an adapter's embeddings fit each base, in the form that modules have.
    static func coverage(_ loaded: LoadedAdapter, _ bases: [BaseModel]) -> JSON {
        let embeddings = loaded.embeddings(called: "").compactMap { try? $0.get() }
        return .array(
            bases.map { base in
                let fitting = embeddings.filter { $0.misfit(base.textWidths) == nil }.count
                return [
                    "base": .string(base.name), "matched": JSON(fitting), "modules": JSON(embeddings.count),
                    "unmatched": [], "unknown_keys": [], "ambiguous": [], "shape_errors": [],
                ]
            })
    }

    private static func facts(_ embedding: TextualInversion) -> [JSON.Member] {
        [
            .init("words", JSON(embedding.words)), .init("vectors", JSON(embedding.count)),
            .init("widths", .array(embedding.widths.map { JSON($0) })),
        ]
    }

    /// As the web UIs list one: the numbers of a vector of all text encoders together.
    static func webUI(_ embedding: TextualInversion) -> JSON {
        webUI(EmbeddingFacts(words: embedding.words, vectors: embedding.count, widths: embedding.widths))
    }

    static func webUI(_ facts: EmbeddingFacts) -> JSON {
        [
            "step": .null, "sd_checkpoint": .null, "sd_checkpoint_name": .null,
            "shape": JSON(facts.widths.reduce(0, +)), "vectors": JSON(facts.vectors),
        ]
    }
}
