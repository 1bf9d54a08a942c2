internal import Dispatch
internal import Synchronization
internal import UmbelAdapters
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
    /// Whether a content is words for prompts alone, by digest.
    let embeddingFiles = Mutex<[String: Bool]>([:])
    /// As many comparisons at a time as there are threads, each of which holds a tensor of either model.
    let comparisons: DispatchSemaphore

    /// Requests that may wait for bases to be read.
    let waitingLimit: Int
    let waitingForBases = Mutex(0)

    /// - Parameters:
    ///   - deltaBytes: the part of `cacheBytes` that kept deltas may take; a quarter if it is nil.
    package init(
        bases: [BaseModel], adapters: AdapterStore, traffic: TrafficTable, cacheBytes: Int, deltaBytes: Int? = nil,
        pool: ComputePool, recipes: RecipeStore? = nil, waitingLimit: Int = 32
    ) {
        self.waitingLimit = max(1, waitingLimit)
        self.bases = bases
        self.adapters = adapters
        self.traffic = traffic
        self.pool = pool
        self.recipes = recipes
        cache = VariantCache(pool: pool, budget: cacheBytes, deltaBudget: deltaBytes)
        comparisons = DispatchSemaphore(value: pool.threads)
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
                guard case .unreadableContent(_, _, .system(let system)) = error, system.isMissingFile, attempts < 32
                else { throw error }
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
            try content(of: record) { (tensors, _) throws(EngineError) in
                do throws(SystemError) {
                    return try MappedFile(path: tensors, keepsOpen: true)
                } catch {
                    throw .system(error)
                }
            }
        }
        return (record, file)
    }

    /// An adapter of a list, with its content or why that cannot be read.
    package typealias Listed = (record: AdapterRecord, content: Result<LoadedAdapter, EngineError>)

    /// Adapters with their contents, by name, at most `limit` of those behind `cursor`; what is removed meanwhile is left
    /// out.
    ///
    /// - Parameter labels: each must be there with its value.
    package func allAdapters(
        after cursor: String = "", limit: Int = .max, labels: [String: String] = [:]
    ) -> [Listed] {
        var found: [Listed] = []
        for record in adapters.all() where found.count < limit && record.name > cursor {
            guard labels.allSatisfy({ record.labels[$0.key] == $0.value }) else { continue }
            do throws(EngineError) {
                let (record, content) = try adapter(record.name)
                found.append((record, .success(content)))
            } catch {
                if case .unknownAdapter = error { continue }
                found.append((record, .failure(error)))
            }
        }
        return found
    }

    func record(_ name: String) throws(EngineError) -> AdapterRecord {
        guard let record = adapters.record(name) else { throw .unknownAdapter(name) }
        return record
    }

    /// The content that a record points to, mapped and parsed once.
    func load(_ record: AdapterRecord) throws(EngineError) -> LoadedAdapter {
        if let known = loaded.withLock({ $0[record.digest] }) { return known }
        let adapter = try content(of: record) { (tensors, config) throws(EngineError) in
            try AdapterFile.open(tensors: tensors, config: config, pool: pool)
        }
        return loaded.withLock { loaded in
            if let known = loaded[record.digest] { return known }
            let new = LoadedAdapter(digest: record.digest, adapter: adapter)
            loaded[record.digest] = new
            return new
        }
    }

    /// Reads the files of a stored content. Whatever goes wrong there is no fault of the one who asks.
    func content<Result>(
        of record: AdapterRecord, _ read: (_ tensors: String, _ config: String?) throws(EngineError) -> Result
    ) throws(EngineError) -> Result {
        do throws(EngineError) {
            guard let tensors = adapters.tensorPath(record.digest) else {
                throw .system(.missing(adapters.blobPath(record.digest)))
            }
            return try read(tensors, adapters.configPath(record.digest))
        } catch {
            throw .unreadableContent(name: record.name, digest: record.digest, error)
        }
    }

    // MARK: Adapters

    /// Checks what was uploaded against the resident bases and points the name to it.
    ///
    /// - Parameters:
    ///   - upload: finished.
    ///   - reading: of its file, if that was begun while it arrived.
    ///   - labels: set beside those that the name has.
    ///   - check: asked with the name's present record while nothing else changes, for conditional requests.
    /// - Throws: `binding` with a report for every base if the adapter does not fit; nothing is stored then.
    package func add(
        _ upload: Upload, reading: EarlyReading? = nil, as name: String, options: AdapterOptions,
        labels: [String: String] = [:], check: (AdapterRecord?) throws(EngineError) -> Void
    ) throws(EngineError) -> (record: AdapterRecord, content: LoadedAdapter, isNew: Bool) {
        guard Name.isValid(name) else { throw .invalidName(name) }
        let candidate = LoadedAdapter(digest: upload.digest, adapter: try adapter(of: upload, reading))
        let isEmbedding = candidate.adapter.hasOnlyEmbeddings
        if isEmbedding { try candidate.checkEmbeddings(on: options.isWithoutBase ? nil : candidates(options)) }
        // What fits a base whole has been looked at module by module.
        let isFitted = isEmbedding || !options.isWithoutBase && fitsWhole(candidate, options)
        if !isFitted, let error = candidate.adapter.structuralError() { throw .adapter(.module(error)) }
        if !isEmbedding, !options.isWithoutBase { try checkFit(candidate, options) }
        let result = try stored { () throws(RegistryError) in
            try adapters.commit(
                upload, as: name, options: options, labels: labels,
                embeddings: isEmbedding ? candidate.embeddingFacts : nil
            ) { (old) throws(EngineError) in
                try check(old)
                let merged = (old?.labels ?? [:]).merging(labels) { $1 }
                guard merged.count <= Label.countLimit else { throw .tooManyLabels(limit: Label.countLimit) }
            }
        }
        // What was parsed is mapped already; its path has moved, its pages have not.
        loaded.withLock { $0[upload.digest] = $0[upload.digest] ?? candidate }
        forgetUnused()
        return (result.record, candidate, result.isNew)
    }

    private func adapter(of upload: Upload, _ reading: EarlyReading?) throws(EngineError) -> Adapter {
        if let adapter = reading?.adapter() { return adapter }
        return try AdapterFile.open(tensors: upload.tensorPath, config: upload.configPath, pool: pool)
    }

    package func remove(
        _ name: String, check: (AdapterRecord) throws(EngineError) -> Void
    ) throws(EngineError) {
        try update(name) { record throws(EngineError) in
            try check(record)
            return nil
        }
    }

    /// Changes what is kept of a name, or forgets it where `change` gives nil.
    @discardableResult
    func update(
        _ name: String, _ change: (AdapterRecord) throws(EngineError) -> AdapterRecord?
    ) throws(EngineError) -> (old: AdapterRecord, new: AdapterRecord?) {
        let result = try stored { () throws(RegistryError) in try adapters.update(name, change) }
        guard let result else { throw .unknownAdapter(name) }
        forgetUnused()
        return result
    }

    /// What the registry did, or why it did not: its own fault, or the refusal of whoever was asked.
    private func stored<Value>(
        _ body: () throws(RegistryError) -> Result<Value, EngineError>
    ) throws(EngineError) -> Value {
        let result: Result<Value, EngineError>
        do throws(RegistryError) {
            result = try body()
        } catch {
            throw .registry(error)
        }
        return try result.get()
    }

    private func forgetUnused() {
        let used = adapters.digests
        loaded.withLock { $0 = $0.filter { used.contains($0.key) } }
        embeddingFiles.withLock { $0 = $0.filter { used.contains($0.key) } }
        cache.forgetDeltas(except: used)
    }

    /// Factors that bindings hold, in bytes, from which on those of adapters that nobody uses at the moment are let go.
    private static let factorLimit = 1 << 30

    /// Lets bindings go while there is too much of them; what a variant in memory or a request uses stays.
    func limitFactors() {
        guard FactorMemory.bytes > Self.factorLimit else { return }
        cache.forgetIdle()
        for adapter in loaded.withLock({ Array($0.values) }) where FactorMemory.bytes > Self.factorLimit {
            adapter.forgetIdleBindings()
        }
    }

    /// Where the process's memory is.
    package var memory: MemoryUse {
        var use = cache.memory
        use.shared = bases.reduce(0) { $0 + $1.mappedBytes }
        return use
    }

    /// The bases that an upload has to fit one of.
    private func candidates(_ options: AdapterOptions) throws(EngineError) -> [BaseModel] {
        guard let name = options.base else { return usableBases }
        guard let base = base(name) else { throw .unknownBase(name) }
        return [base]
    }

    /// Bases that are not known to hold NaN or infinity; all of them if none is left.
    package var usableBases: [BaseModel] {
        let usable = bases.filter { $0.flaw == nil }
        return usable.isEmpty ? bases : usable
    }

    private func fitsWhole(_ candidate: LoadedAdapter, _ options: AdapterOptions) -> Bool {
        usableBases.contains { base in
            let report = candidate.binding(to: base, prefixes: options.prefixes, pool: pool).report
            return report.matches.count == candidate.adapter.modules.count && report.errors.isEmpty
        }
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
            // Where the base itself is not finite, no adapter is to blame.
            _ = try digest(of: best)
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
}
