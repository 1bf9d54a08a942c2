internal import UmbelEngine

/// The model that pictures are drawn with, resolved once: whatever happens to names and routes meanwhile, a picture is of
/// these variants.
struct DrawingModel: Sendable {
    let stepped: SteppedModel
    /// What the headers of the answer tell of.
    let resolved: ResolvedModel
    /// As it was asked for.
    let name: String
    /// Embeddings that the reference names beside those that are stored.
    var words: [ModelReference.Term] = []
}

extension Call {
    /// - Parameters:
    ///   - text: a reference, whose scales may change with the steps, a route, or the id of a variant; nil for the one base
    ///     that draws.
    ///   - further: adapters that are applied after those of the text.
    func drawingModel(_ text: String?, and further: [SteppedTerm] = []) throws -> DrawingModel {
        let desk = try desk
        let name = try text ?? onlyPainted(by: desk.queue.painter)
        let stages: [SteppedReference.Stage]
        do throws(ReferenceError) {
            stages = try SteppedReference(name).stages
        } catch {
            throw EngineError.reference(error)
        }
        var words: [ModelReference.Term] = []
        var adapters = further.map { ModelReference.Term(adapter: $0.adapter) }
        var resolved = try stages.map { stage -> (model: ResolvedModel, from: Double) in
            let (reference, embeddings) = try engine.withoutEmbeddings(stage.reference)
            words += embeddings.filter { !words.contains($0) }
            adapters += reference.terms
            return (try model(reference.text), stage.from)
        }
        if !further.isEmpty { resolved = try adding(further, to: resolved) }
        for stage in resolved {
            let base = stage.model.variant.model.base.name
            guard desk.queue.painter.canDraw(base) else {
                if let error = desk.queue.painter.refusal(of: base) { throw EngineError.cannotDraw(base: base, error) }
                throw DrawingJobError.cannotDraw(base: base)
            }
            try engine.publish(stage.model.variant)
        }
        let promptWords = try engine.embeddings(for: resolved.map(\.model.variant), named: words, of: adapters)
        application.tell(of: promptWords.unreadable)
        let stepped = SteppedModel(
            stages: resolved.map { .init($0.model.variant, from: $0.from) }, words: promptWords)
        return DrawingModel(stepped: stepped, resolved: resolved[0].model, name: name, words: words)
    }

    private func onlyPainted(by painter: any Painter) throws -> String {
        // Of an only base it is said why it does not draw.
        if engine.bases.count == 1 { return engine.bases[0].name }
        let names = engine.bases.map(\.name).filter(painter.canDraw)
        guard names.count == 1 else { throw RequestError.missingField("model") }
        return names[0]
    }

    /// Each stage's recipe with further terms behind it; a new stage wherever a scale of theirs changes.
    private func adding(
        _ terms: [SteppedTerm], to stages: [(model: ResolvedModel, from: Double)]
    ) throws -> [(model: ResolvedModel, from: Double)] {
        let changes = Set(stages.map(\.from) + terms.flatMap { $0.schedule.points.map(\.from) }).sorted()
        guard changes.count <= SteppedReference.stageLimit else {
            throw EngineError.reference(.tooManyStages(limit: SteppedReference.stageLimit))
        }
        return try changes.map { part in
            let recipe = (stages.last { $0.from <= part } ?? stages[0]).model.variant.reference
            let entries = terms.map { ModelReference.Entry.adapter($0.term(at: part)) }
            let variant = try engine.variant(ModelReference(base: recipe.base, entries: recipe.entries + entries))
            return (ResolvedModel(variant: variant), part)
        }
    }
}

/// An adapter that a prompt or a list names beside the model.
struct SteppedTerm: Sendable {
    let adapter: String
    var schedule: ScaleSchedule
    var parts = PartScales.none

    func term(at part: Double) -> ModelReference.Term {
        .init(adapter: adapter, scale: schedule.scale(at: part), parts: parts)
    }
}
