internal import Dispatch
internal import Synchronization
package import UmbelAdapters
internal import UmbelNames
package import UmbelRegistry
package import UmbelTensor

/// Models: what a reference means, worked out to a variant, and what can be said of variants.
extension Engine {
    /// The variant that a reference means now.
    ///
    /// - Parameter held: contents as they were settled for a route; they count before what a name has now.
    package func variant(
        _ reference: ModelReference, dtype: DType? = nil, held: [HeldContent] = []
    ) throws(EngineError) -> Variant {
        guard let base = base(reference.base) else { throw .unknownBase(reference.base) }
        // A conversion to the type that everything has already is none.
        let dtype = dtype.flatMap { base.hasOnly($0) ? nil : $0 }
        if let dtype { try checkConversion(base, dtype) }
        var entries: [ResolvedEntry] = []
        // Before the cache is asked: an id tells nothing of what a name allows.
        for entry in reference.entries { entries.append(try resolved(entry, on: base, held)) }
        let id = VariantIdentity.id(
            baseDigest: try digest(of: base), entries: entries.map(\.identity), dtype: dtype)
        return try cache.use(id) { () throws(EngineError) in
            var steps: [MergePlan.Step] = []
            for entry in entries { steps += try entry.steps(on: base) }
            let pinned = ModelReference(base: base.name, entries: entries.map(\.pinned))
            let plan = MergePlan(base: base.weights, steps: steps)
            do throws(MergeError) {
                try plan.checkShapes()
            } catch {
                throw .merge(error)
            }
            return Variant(id: id, reference: pinned, model: MergedModel(base: base, plan: plan, dtype: dtype))
        }
    }

    /// The adapters that an entry means now, bound to the base.
    private func resolved(
        _ entry: ModelReference.Entry, on base: BaseModel, _ held: [HeldContent]
    ) throws(EngineError) -> ResolvedEntry {
        switch entry {
        case .adapter(let term): return .adapter(try resolved(term, on: base, held))
        case .combination(let combined):
            var parts: [ResolvedTerm] = []
            for term in combined.terms { parts.append(try resolved(term, on: base, held)) }
            return .combination(combined, parts)
        }
    }

    private func resolved(
        _ term: ModelReference.Term, on base: BaseModel, _ held: [HeldContent]
    ) throws(EngineError) -> ResolvedTerm {
        let (record, content) = try reading(
            { () throws(EngineError) in
                let settled = held.first { $0.name == term.adapter && $0.digest == term.digestPrefix }
                if let record = settled.flatMap(adapters.heldRecord) { return record }
                return try self.record(term)
            }, load)
        let binding = try bound(content, record.options, to: base)
        return ResolvedTerm(term: term, record: record, adapter: content.adapter, binding: binding)
    }

    /// What each entry of a variant's recipe that is a combination loses by being cut, by its place in the recipe. Costs
    /// the decompositions anew.
    package func combinationReports(of variant: Variant) throws(EngineError) -> [Int: CombinationReport] {
        let merger = TensorMerger(plan: variant.model.plan, pool: pool)
        var reports: [Int: CombinationReport] = [:]
        // An adapter with scales of its parts has several steps, a combination has one.
        let steps = variant.model.plan.steps
        var combined = steps.indices.filter { steps[$0].binding.isCombined }[...]
        for (place, entry) in variant.reference.entries.enumerated() where entry.scale.value != 0 {
            guard case .combination = entry, let step = combined.popFirst() else { continue }
            do {
                reports[place] = try merger.combinationReport(ofStep: step)
            } catch {
                throw .merge(error)
            }
        }
        return reports
    }

    /// The variant that a text means: a reference, the name of an adapter that fits one base, `default`, or the id of a
    /// variant that is known.
    package func variant(_ text: String, dtype: DType? = nil) throws(EngineError) -> Variant {
        if let variant = cache.variant(text) {
            return try converted(variant, dtype)
        }
        if let variant = try published(text) {
            return try converted(variant, dtype)
        }
        let reference: ModelReference
        do {
            reference = try ModelReference(text)
        } catch {
            throw .reference(error)
        }
        return try variant(completed(reference), dtype: dtype)
    }

    /// An id means its own bytes; a conversion asked for beside it is another variant.
    private func converted(_ variant: Variant, _ dtype: DType?) throws(EngineError) -> Variant {
        guard let dtype, dtype != variant.model.dtype else { return variant }
        return try self.variant(variant.reference, dtype: dtype)
    }

    private func checkConversion(_ base: BaseModel, _ dtype: DType) throws(EngineError) {
        do {
            try base.checkRange(of: dtype, pool: pool)
        } catch {
            throw .merge(error)
        }
    }

    /// The record that a term names, as if it pointed to the content asked for.
    func record(_ term: ModelReference.Term) throws(EngineError) -> AdapterRecord {
        switch term.selector {
        case nil: return try record(term.adapter)
        case .tag(let tag):
            let record = try record(term.adapter)
            guard let revision = record.revision(tagged: tag) else {
                throw .registry(.unknownTag(name: record.name, tag: tag, known: record.tags.keys.sorted()))
            }
            return record.at(revision)
        case .digest(let prefix):
            if let record = adapters.record(term.adapter) {
                if record.digest.hasPrefix(prefix) { return record }
                // The name has moved on; it may have kept the content.
                if let own = try Self.only(prefix, in: [record], term) { return own }
            }
            // A short prefix means a content of this adapter and of no other; a whole digest means that content, whatever
            // name has it.
            guard prefix.utf8.count == 64 else {
                if let held = try Self.only(prefix, in: adapters.heldRecords.filter { $0.name == term.adapter }, term) {
                    return held
                }
                throw .unknownAdapter("\(term.adapter)@\(prefix)")
            }
            if let held = try Self.only(prefix, in: adapters.heldRecords.filter { $0.name == term.adapter }, term) {
                return held
            }
            if let other = try Self.only(prefix, in: adapters.all(), term) { return other }
            if let held = try Self.only(prefix, in: adapters.heldRecords, term) { return held }
            throw .unknownAdapter("\(term.adapter)@\(prefix)")
        }
    }

    /// What a reference needs of adapters.
    func heldContents(of reference: ModelReference) throws(EngineError) -> [HeldContent] {
        try reference.terms.map { term throws(EngineError) in HeldContent(try record(term)) }
    }

    /// The content that a digest prefix means among what some names have kept; nil if there is none.
    private static func only(
        _ prefix: String, in records: [AdapterRecord], _ term: ModelReference.Term
    ) throws(EngineError) -> AdapterRecord? {
        let found = records.flatMap { record in record.revisions(withDigest: prefix).map(record.at) }
        guard Set(found.map(\.digest)).count <= 1 else { throw .ambiguousDigest(adapter: term.adapter, prefix: prefix) }
        return found.first
    }

    /// An adapter bound to a base, if it may be merged there.
    private func bound(
        _ adapter: LoadedAdapter, _ options: AdapterOptions, to base: BaseModel
    ) throws(EngineError) -> Binding {
        let binding = adapter.binding(to: base, prefixes: options.prefixes)
        limitFactors()
        if let refusal = binding.report.refusal(allowsUnmatched: options.allowsUnmatched) {
            throw .binding(refusal, reports: [(base.name, binding.report)])
        }
        return binding
    }

    package func digest(of base: BaseModel) throws(EngineError) -> String {
        // Those who wait are workers of the server, of which some have to be left for what needs no base.
        let mustWait = !base.isRead
        if mustWait {
            let hasRoom = waitingForBases.withLock { waiting in
                guard waiting < waitingLimit else { return false }
                waiting += 1
                return true
            }
            guard hasRoom else { throw .baseBeingRead(base.name) }
        }
        defer { if mustWait { waitingForBases.withLock { $0 -= 1 } } }
        do {
            return try base.digest()
        } catch {
            throw .base(name: base.name, error)
        }
    }

    /// What differs between two variants, in numbers.
    ///
    /// - Throws: `differentBases` if they are of different bases.
    package func compare(_ a: Variant, _ b: Variant) throws -> ModelComparison {
        guard a.model.base === b.model.base else {
            throw EngineError.differentBases(a.model.base.name, b.model.base.name)
        }
        comparisons.wait()
        defer { comparisons.signal() }
        return try Comparer(a, b, cache: cache, pool: pool).compare()
    }

    /// What each module of an adapter does to a base, in numbers.
    package func effects(
        _ adapter: LoadedAdapter, _ options: AdapterOptions, on base: BaseModel
    ) throws(EngineError) -> [ModuleEffect] {
        do {
            return try adapter.effects(on: base, prefixes: options.prefixes) { (binding) throws(MergeError) in
                try EffectMeter(binding: binding, base: base.weights, pool: pool).effects()
            }
        } catch {
            throw .merge(error)
        }
    }
}
