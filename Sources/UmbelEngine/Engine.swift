internal import Synchronization
package import UmbelAdapters
internal import UmbelNames
package import UmbelPOSIX
package import UmbelRegistry
package import UmbelTensor

/// What the server sees: resident bases, stored adapters, and the models they make together.
package final class Engine: Sendable {
    /// By name, in the order in which they were given.
    package let bases: [BaseModel]
    package let adapters: AdapterStore
    package let cache: VariantCache
    package let pool: ComputePool
    package let traffic: TrafficTable
    /// Recipes of the ids that were given out; without it an id means something only while the cache knows it.
    package let recipes: RecipeStore?
    private let loaded = Mutex<[String: LoadedAdapter]>([:])

    package init(
        bases: [BaseModel], adapters: AdapterStore, traffic: TrafficTable, cacheBytes: Int, pool: ComputePool,
        recipes: RecipeStore? = nil
    ) {
        self.bases = bases
        self.adapters = adapters
        self.traffic = traffic
        self.pool = pool
        self.recipes = recipes
        cache = VariantCache(pool: pool, budget: cacheBytes)
    }

    package func base(_ name: String) -> BaseModel? { bases.first { $0.name == name } }

    /// A record, and what `body` makes of its content.
    ///
    /// A name can be re-pointed or removed after its record was read, and its content go: then the record is read again,
    /// so that whoever asks gets the old adapter or the new one and no missing file.
    func reading<Result>(
        _ record: () throws(EngineError) -> AdapterRecord, _ body: (AdapterRecord) throws(EngineError) -> Result
    ) throws(EngineError) -> (record: AdapterRecord, result: Result) {
        var attempts = 0
        while true {
            let found = try record()
            do {
                return (found, try body(found))
            } catch {
                // The same record with its file missing may have been removed and stored again; often, it has not.
                attempts += 1
                guard case .system(let system) = error, system.isMissingFile, attempts < 32 else { throw error }
            }
        }
    }

    /// The adapter of that name with its content.
    package func adapter(_ name: String) throws(EngineError) -> (record: AdapterRecord, content: LoadedAdapter) {
        let (record, content) = try reading({ () throws(EngineError) in try self.record(name) }, load)
        return (record, content)
    }

    /// The content that a term names, whatever its scale.
    package func adapter(
        _ term: ModelReference.Term
    ) throws(EngineError) -> (record: AdapterRecord, content: LoadedAdapter) {
        let (record, content) = try reading({ () throws(EngineError) in try self.record(term) }, load)
        return (record, content)
    }

    /// The adapter of that name with its tensor file, as it was uploaded.
    package func file(of name: String) throws(EngineError) -> (record: AdapterRecord, file: MappedFile) {
        let (record, file) = try reading({ () throws(EngineError) in try self.record(name) }) {
            (record) throws(EngineError) in
            do throws(SystemError) {
                return try MappedFile(path: adapters.tensorPath(record.digest))
            } catch {
                throw .system(error)
            }
        }
        return (record, file)
    }

    /// Adapters with their contents, by name, at most `limit` of those behind `cursor`; what is removed meanwhile is left
    /// out.
    package func allAdapters(
        after cursor: String = "", limit: Int = .max
    ) throws(EngineError) -> [(record: AdapterRecord, content: LoadedAdapter)] {
        var found: [(record: AdapterRecord, content: LoadedAdapter)] = []
        for record in adapters.all() where found.count < limit && record.name > cursor {
            do {
                found.append(try adapter(record.name))
            } catch {
                guard case .unknownAdapter = error else { throw error }
            }
        }
        return found
    }

    private func record(_ name: String) throws(EngineError) -> AdapterRecord {
        guard let record = adapters.record(name) else { throw .unknownAdapter(name) }
        return record
    }

    /// The content that a record points to, mapped and parsed once.
    private func load(_ record: AdapterRecord) throws(EngineError) -> LoadedAdapter {
        if let known = loaded.withLock({ $0[record.digest] }) { return known }
        let adapter = try AdapterFile.open(
            tensors: adapters.tensorPath(record.digest), config: adapters.configPath(record.digest))
        return loaded.withLock { loaded in
            if let known = loaded[record.digest] { return known }
            let new = LoadedAdapter(digest: record.digest, adapter: adapter)
            loaded[record.digest] = new
            return new
        }
    }

    // MARK: Adapters

    /// Checks what was uploaded against the resident bases and points the name to it.
    ///
    /// - Parameters:
    ///   - upload: finished.
    ///   - check: asked under the store's lock with the name's present record, for conditional requests.
    /// - Throws: `binding` with a report for every base if the adapter does not fit; nothing is stored then.
    package func add(
        _ upload: Upload, as name: String, options: AdapterOptions,
        check: (AdapterRecord?) throws(EngineError) -> Void
    ) throws(EngineError) -> (record: AdapterRecord, content: LoadedAdapter, isNew: Bool) {
        guard Name.isValid(name) else { throw .invalidName(name) }
        let candidate = LoadedAdapter(
            digest: upload.digest,
            adapter: try AdapterFile.open(tensors: upload.tensorPath, config: upload.configPath))
        if let error = candidate.adapter.structuralError() { throw .adapter(.module(error)) }
        if !options.isWithoutBase { try checkFit(candidate, options) }
        let result = try adapters.commit(upload, as: name, options: options, check: check)
        // What was parsed is mapped already; its path has moved, its pages have not.
        loaded.withLock { $0[upload.digest] = $0[upload.digest] ?? candidate }
        forgetUnused()
        return (result.record, candidate, result.isNew)
    }

    package func remove(
        _ name: String, check: (AdapterRecord) throws(EngineError) -> Void
    ) throws(EngineError) {
        guard try adapters.remove(name, check: check) else { throw .unknownAdapter(name) }
        forgetUnused()
    }

    private func forgetUnused() {
        let used = Set(adapters.all().map(\.digest))
        loaded.withLock { $0 = $0.filter { used.contains($0.key) } }
    }

    /// The bases that an upload has to fit one of.
    private func candidates(_ options: AdapterOptions) throws(EngineError) -> [BaseModel] {
        guard let name = options.base else { return bases }
        guard let base = base(name) else { throw .unknownBase(name) }
        return [base]
    }

    private func checkFit(_ candidate: LoadedAdapter, _ options: AdapterOptions) throws(EngineError) {
        let bases = try candidates(options)
        try checkPlaces(options.prefixes, bases)
        guard let best = best(candidate, bases, options) else { throw .noBaseFits }
        let binding = candidate.binding(to: best, prefixes: options.prefixes)
        if let refusal = binding.report.refusal(allowsUnmatched: options.allowsUnmatched) {
            let reports = bases.map { ($0.name, candidate.binding(to: $0, prefixes: options.prefixes).report) }
            throw .binding(refusal, reports: reports.sorted { first, _ in first.0 == best.name })
        }
        do {
            try EffectMeter(binding: binding, base: best.weights, pool: pool).checkFinite()
        } catch {
            throw .merge(error)
        }
    }

    /// A prefix must stand for something in at least one of the bases.
    private func checkPlaces(_ prefixes: [Prefix], _ bases: [BaseModel]) throws(EngineError) {
        for prefix in prefixes where !prefix.component.isEmpty && !bases.isEmpty {
            let isKnown = bases.contains { !$0.names(prefixes: prefixes).unknownPlaces.contains(prefix.component) }
            guard isKnown else { throw .unknownPlace(prefix.component) }
        }
    }

    /// The base of which the adapter finds most modules; nil without any base.
    package func best(_ adapter: LoadedAdapter, _ bases: [BaseModel], _ options: AdapterOptions) -> BaseModel? {
        bases.max { first, second in
            fit(adapter, first, options) < fit(adapter, second, options)
        }
    }

    /// Where nothing fits, the base that at least has the modules' names is the one to report on.
    private func fit(_ adapter: LoadedAdapter, _ base: BaseModel, _ options: AdapterOptions) -> (Int, Int) {
        let report = adapter.binding(to: base, prefixes: options.prefixes).report
        let faults = report.errors.count + report.ambiguities.count
        return (max(0, report.matches.count - faults), report.matches.count + faults)
    }

    // MARK: Models

    /// The variant that a reference means now.
    package func variant(_ reference: ModelReference, dtype: DType? = nil) throws(EngineError) -> Variant {
        guard let base = base(reference.base) else { throw .unknownBase(reference.base) }
        // A conversion to the type that everything has already is none.
        let dtype = dtype.flatMap { base.hasOnly($0) ? nil : $0 }
        if let dtype { try checkConversion(base, dtype) }
        var records: [AdapterRecord] = []
        var steps: [MergePlan.Step] = []
        for term in reference.terms {
            let (record, content) = try reading({ () throws(EngineError) in try self.record(term) }, load)
            records.append(record)
            // Before the cache is asked: an id tells nothing of what a name allows.
            let binding = try bound(content, record.options, to: base)
            steps.append(.init(binding: binding, strength: term.scale.value))
        }
        let id = VariantIdentity.id(
            baseDigest: try digest(of: base),
            terms: zip(reference.terms, records).map {
                .init(digest: $1.digest, scale: $0.scale, prefixes: $1.options.prefixes)
            }, dtype: dtype)
        return try cache.use(id) { () throws(EngineError) in
            let pinned = ModelReference(
                base: base.name,
                terms: zip(reference.terms, records).map {
                    .init(adapter: $0.adapter, digestPrefix: $1.digest, scale: $0.scale)
                })
            let plan = MergePlan(base: base.weights, steps: steps)
            return Variant(id: id, reference: pinned, model: MergedModel(base: base, plan: plan, dtype: dtype))
        }
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

    /// The record that a term names, if its content is the one asked for.
    func record(_ term: ModelReference.Term) throws(EngineError) -> AdapterRecord {
        let record = try record(term.adapter)
        guard let prefix = term.digestPrefix, !record.digest.hasPrefix(prefix) else { return record }
        // The name has moved on; the content may still be there under another one.
        let others = adapters.all().filter { $0.digest.hasPrefix(prefix) }
        guard let other = others.first else { throw .unknownAdapter("\(term.adapter)@\(prefix)") }
        guard Set(others.map(\.digest)).count == 1 else {
            throw .ambiguousDigest(adapter: term.adapter, prefix: prefix)
        }
        return other
    }

    /// An adapter bound to a base, if it may be merged there.
    private func bound(
        _ adapter: LoadedAdapter, _ options: AdapterOptions, to base: BaseModel
    ) throws(EngineError) -> Binding {
        let binding = adapter.binding(to: base, prefixes: options.prefixes)
        if let refusal = binding.report.refusal(allowsUnmatched: options.allowsUnmatched) {
            throw .binding(refusal, reports: [(base.name, binding.report)])
        }
        return binding
    }

    package func digest(of base: BaseModel) throws(EngineError) -> String {
        do {
            return try base.digest()
        } catch {
            throw .base(name: base.name, error)
        }
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
