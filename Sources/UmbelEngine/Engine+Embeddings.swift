internal import Synchronization
internal import UmbelAdapters
internal import UmbelFormats
internal import UmbelModels
package import UmbelRegistry

/// Textual inversions: stored as adapters are, and used in prompts.
extension Engine {
    /// Is what a name points to words for prompts, and nothing to merge?
    ///
    /// The registry knows, or the header of its file tells, read once for each content.
    package func hasOnlyEmbeddings(_ record: AdapterRecord) -> Bool {
        if adapters.content(record.digest)?.embeddings != nil { return true }
        if let known = embeddingFiles.withLock({ $0[record.digest] }) { return known }
        guard let path = adapters.tensorPath(record.digest), let file = try? SafetensorsFile(path: path) else {
            return false
        }
        let might = adapters.configPath(record.digest) == nil && Adapter.mayHaveOnlyEmbeddings(file.index)
        // What cannot be read now is looked at again.
        guard let found = might ? try? load(record).adapter.hasOnlyEmbeddings : false else { return false }
        embeddingFiles.withLock { $0[record.digest] = found }
        return found
    }

    /// Bases whose prompts may use all embeddings of an adapter.
    package func bases(forEmbeddingsOf adapter: LoadedAdapter) -> [BaseModel] {
        let found = adapter.embeddings(called: "").compactMap { try? $0.get() }
        guard found.count == adapter.adapter.embeddings.count else { return [] }
        return bases.filter { base in found.allSatisfy { $0.misfit(base.textWidths) == nil } }
    }

    /// A reference without the embeddings that it names, which no merge can use, and those.
    ///
    /// - Throws: `embeddingScale` for one with a scale: how much a word weighs is the prompt's to say.
    package func withoutEmbeddings(
        _ reference: ModelReference
    ) throws(EngineError) -> (reference: ModelReference, embeddings: [ModelReference.Term]) {
        guard base(reference.base) != nil else { return try withImpliedBase(reference) }
        var (entries, embeddings): ([ModelReference.Entry], [ModelReference.Term]) = ([], [])
        for entry in reference.entries {
            guard case .adapter(let term) = entry, hasOnlyEmbeddings(try record(term)) else {
                entries.append(entry)
                continue
            }
            guard term.scale == .one, term.parts == .none else { throw .embeddingScale(term.adapter) }
            embeddings.append(term)
        }
        return (ModelReference(base: reference.base, entries: entries), embeddings)
    }

    /// The name of an embedding alone means the one base whose prompts may use it.
    private func withImpliedBase(
        _ reference: ModelReference
    ) throws(EngineError) -> (reference: ModelReference, embeddings: [ModelReference.Term]) {
        guard reference.entries.isEmpty, traffic.route(reference.base) == nil,
            let record = adapters.record(reference.base), hasOnlyEmbeddings(record)
        else { return (reference, []) }
        let fitting = bases(forEmbeddingsOf: try load(record)).map(\.name)
        guard fitting.count == 1 else { throw .notOneBase(adapters: [record.name], bases: fitting) }
        return (ModelReference(base: fitting[0], terms: []), [ModelReference.Term(adapter: record.name)])
    }

    /// The words that prompts of a drawing may use, each for one embedding: what the model's reference names, what its
    /// adapters bring with them, and everything stored that fits the base.
    ///
    /// A word that several have means the first of them in this order, and a name counts before what a file calls itself.
    /// A stored one whose file cannot be read keeps nobody from drawing who does not say its words.
    ///
    /// - Parameters:
    ///   - terms: embeddings that the reference names.
    ///   - adapters: those that it names with a strength of 0, of which a variant knows nothing, and any others.
    package func embeddings(
        for variants: [Variant], named terms: [ModelReference.Term] = [], of adapters: [ModelReference.Term] = []
    ) throws(EngineError) -> PromptWords {
        guard let base = variants.first?.model.base else { return PromptWords() }
        var found: [TextualInversion] = []
        for term in terms { found += try words(of: adapter(term)) }
        for term in variants.flatMap(\.reference.terms) + adapters {
            do throws(EngineError) {
                found += words(of: try adapter(term))
            } catch {
                // A variant outlives the adapters that it was made of; what they bundle does not.
                guard case .unknownAdapter = error else { throw error }
            }
        }
        var unreadable: [UnreadableEmbedding] = []
        for record in self.adapters.all() where hasOnlyEmbeddings(record) {
            do throws(EngineError) {
                let content = try load(record)
                noteFacts(of: content)
                found += words(of: (record, content))
            } catch {
                // One that is removed or replaced meanwhile is no word any more.
                guard self.adapters.record(record.name)?.digest == record.digest else { continue }
                unreadable += self.unreadable(record, error)
            }
        }
        let widths = base.textWidths
        return PromptWords(
            Self.withOwnWords(found.filter { $0.misfit(widths) == nil }),
            unreadable: unreadable.filter { $0.facts.widths == widths })
    }

    /// Has the registry know of a content from before it kept such facts.
    private func noteFacts(of content: LoadedAdapter) {
        guard let stored = adapters.content(content.digest), stored.embeddings == nil else { return }
        // Where it cannot be noted, it is only not known of a file that is damaged later.
        try? adapters.setEmbeddings(content.embeddingFacts, of: content.digest)
    }

    private func unreadable(_ record: AdapterRecord, _ error: EngineError) -> [UnreadableEmbedding] {
        (adapters.content(record.digest)?.embeddings ?? []).map { UnreadableEmbedding(record, $0, error) }
    }

    private func words(of adapter: (record: AdapterRecord, content: LoadedAdapter)) -> [TextualInversion] {
        adapter.content.embeddings(called: adapter.record.name).compactMap { try? $0.get() }
    }

    /// Each with the words that no other has before it.
    static func withOwnWords(_ embeddings: [TextualInversion]) -> [TextualInversion] {
        var taken: Set<String> = []
        let named = embeddings.filter { taken.insert($0.name.lowercased()).inserted }
        return named.map { embedding in
            let others = embedding.words.filter { $0 != embedding.name && taken.insert($0.lowercased()).inserted }
            return embedding.answering(to: [embedding.name] + others)
        }
    }
}

extension LoadedAdapter {
    /// What the registry keeps of its textual inversions.
    var embeddingFacts: [EmbeddingFacts] {
        embeddings(called: "").compactMap { try? $0.get() }.map {
            EmbeddingFacts(words: $0.words.filter { !$0.isEmpty }, vectors: $0.count, widths: $0.widths)
        }
    }

    /// - Parameter bases: one of them has to fit all of its embeddings; nil to look at the tensors alone.
    /// - Throws: `embedding` for tensors that are none, `embeddingMisfit` naming the first that does not fit the first base.
    package func checkEmbeddings(on bases: [BaseModel]?) throws(EngineError) {
        var found: [TextualInversion] = []
        for result in embeddings(called: "") {
            do throws(ModelError) {
                found.append(try result.get())
            } catch {
                throw .embedding(error)
            }
        }
        guard let bases else { return }
        guard let first = bases.first else { throw .noBaseFits }
        let fits = bases.contains { base in found.allSatisfy { $0.misfit(base.textWidths) == nil } }
        guard !fits else { return }
        for embedding in found {
            guard let tensor = embedding.misfit(first.textWidths) else { continue }
            throw .embeddingMisfit(
                tensor: tensor, widths: embedding.widths, bases: bases.map { ($0.name, $0.textWidths) })
        }
    }
}
