internal import Dispatch
internal import Synchronization
internal import UmbelPOSIX

/// Adapters on disk: contents by digest, names pointing to them. Each change is one transaction of the database, so that
/// a crash leaves either the old state or the new.
///
///     <folder>/registry.sqlite            names, what they point to and pointed to, tags, labels
///     <folder>/blobs/<sha256>             each file once, whatever uses it
///     <folder>/uploads/                   what is arriving; emptied at start
///     <folder>/lock                       held by the one process that uses the folder
///
/// A file is durable before the transaction that refers to it, and removed after the one that no longer does. Lookups are
/// answered from memory and wait for no change that is being written; changes wait for each other.
package final class AdapterStore: Sendable {
    /// The tables, for what else is kept in them.
    package let database: RegistryDatabase
    package let settings: RegistrySettings
    /// What could not be read at start, and was left as it is.
    package let faults: [RegistryFault]
    let blobs: BlobFolder
    private let folder: String
    private let lock: FileDescriptor
    /// Held from reading what is there until its change is visible.
    private let writing = DispatchSemaphore(value: 1)
    let state: Mutex<RegistryState>

    /// Opens the folder, making it if need be. Takes over what the former layout left, and sweeps what a crash did.
    ///
    /// - Throws: `RegistryError` with `isTaken` if another process uses it: the two would sweep each other's uploads away.
    package convenience init(folder: String, settings: RegistrySettings = .init()) throws(RegistryError) {
        try self.init(folder: folder, settings: settings, pageLimit: nil)
    }

    /// - Parameter pageLimit: how many pages of 4096 bytes the database may have; nil for as many as the disk holds.
    init(folder: String, settings: RegistrySettings, pageLimit: Int?) throws(RegistryError) {
        self.folder = folder
        self.settings = settings
        lock = try onDisk { () throws(SystemError) in
            try Directory.create(folder)
            let lock = try FileDescriptor.locking(folder + "/lock")
            try Directory.removeTree(folder + "/uploads")
            try Directory.create(folder + "/uploads")
            return lock
        }
        let opening = try RegistryOpening(folder: folder, settings: settings, pageLimit: pageLimit)
        blobs = opening.blobs
        database = opening.database
        faults = opening.faults
        state = Mutex(opening.state)
    }

    // MARK: Looking up

    package func record(_ name: String) -> AdapterRecord? { state.withLock { $0.records[name] } }

    /// All records, by name.
    package func all() -> [AdapterRecord] { state.withLock { Array($0.records.values) }.sorted { $0.name < $1.name } }

    /// Digests of all contents that a name points to, pointed to, or has a tag for.
    package var digests: Set<String> { state.withLock { Set($0.contents.keys) } }

    package func content(_ digest: String) -> AdapterContent? { state.withLock { $0.contents[digest] } }

    /// Where the tensor file of a content lies; nil if there is no such content.
    package func tensorPath(_ digest: String) -> String? { content(digest).map { blobs.path($0.tensors) } }

    /// nil if the content has no settings.
    package func configPath(_ digest: String) -> String? { content(digest)?.config.map(blobs.path) }

    // MARK: Arriving

    /// A new file to receive an upload.
    package func beginUpload() throws(RegistryError) -> Upload {
        try onDisk { () throws(SystemError) in try Upload(folder: newFolder) }
    }

    /// An upload of blobs that are here.
    ///
    /// - Throws: `RegistryError.unknownBlob` for one that is not.
    package func beginUpload(tensors: String, config: String?) throws(RegistryError) -> Upload {
        for digest in [tensors] + (config.map { [$0] } ?? []) where blob(digest) == nil { throw .unknownBlob(digest) }
        let bytes = blob(tensors) ?? 0
        do throws(SystemError) {
            return try Upload(folder: newFolder, blobs: blobs.folder, tensors: tensors, config: config, bytes: bytes)
        } catch {
            throw error.isMissingFile ? .unknownBlob(tensors) : .system(error)
        }
    }

    var newFolder: String { "\(folder)/uploads/\(UInt64.random(in: 0 ... .max))" }

    // MARK: Changing

    /// Points a name to what an upload received.
    ///
    /// - Parameters:
    ///   - labels: set beside those that the name has.
    ///   - embeddings: what is in a content that is textual inversions alone; nil for any other.
    ///   - check: asked with the name's present record while nothing else changes; throws to refuse.
    /// - Returns: the new record and whether the name is new, or what `check` threw.
    package func commit<Refusal: Error>(
        _ upload: Upload, as name: String, options: AdapterOptions, labels: [String: String] = [:],
        embeddings: [EmbeddingFacts]? = nil, check: (AdapterRecord?) throws(Refusal) -> Void
    ) throws(RegistryError) -> Result<(record: AdapterRecord, isNew: Bool), Refusal> {
        // Before anybody else has to wait for it.
        try onDisk { () throws(SystemError) in try upload.waitUntilDurable() }
        return try changing { (state: RegistryState) throws(RegistryError) in
            let old = state.records[name]
            do throws(Refusal) { try check(old) } catch { return .failure(error) }
            var content = upload.content
            content.embeddings = embeddings
            var record = old ?? AdapterRecord(name: name, current: .first(content, options))
            if let old, old.digest != content.digest || old.options != options {
                record = old.pointed(to: content, options: options, at: .now).pruned(history: settings.history)
            }
            record.labels.merge(labels) { $1 }
            // The same bytes again put back a file that was lost.
            let isWhole = content.blobs.allSatisfy { blob($0) != nil }
            if record == old, isWhole { return .success((record, false)) }
            try onDisk { () throws(SystemError) in try upload.move(to: blobs.folder) }
            try replace(name, with: record, content: content, in: state)
            upload.discard()
            return .success((record, old == nil))
        }
    }

    /// Notes what is in a stored content that is textual inversions alone.
    package func setEmbeddings(_ embeddings: [EmbeddingFacts], of digest: String) throws(RegistryError) {
        try changing { (state: RegistryState) throws(RegistryError) in
            guard state.contents[digest] != nil else { return }
            var new = state
            new.contents[digest]?.embeddings = embeddings
            try database.write { try AdapterTables.put(embeddings, of: digest, $0) }
            self.state.withLock { $0 = new }
        }
    }

    /// Changes what is kept of a name, or forgets it; contents that nothing points to then go. Requests that use those
    /// keep them mapped.
    ///
    /// - Parameter change: from the present record to the new one, nil to forget the name; throws to refuse.
    /// - Returns: the new record, or what `change` threw; nil inside if there is no such name.
    package func update<Refusal: Error>(
        _ name: String, _ change: (AdapterRecord) throws(Refusal) -> AdapterRecord?
    ) throws(RegistryError) -> Result<(old: AdapterRecord, new: AdapterRecord?)?, Refusal> {
        try changing { (state: RegistryState) throws(RegistryError) in
            guard let old = state.records[name] else { return .success(nil) }
            var new: AdapterRecord?
            do throws(Refusal) { new = try change(old) } catch { return .failure(error) }
            if new == old { return .success((old, old)) }
            new = new?.pruned(history: settings.history)
            try replace(name, with: new, content: nil, in: state)
            return .success((old, new))
        }
    }

    /// Runs `body` with the present state while nobody else changes it.
    func changing<Result>(_ body: (RegistryState) throws(RegistryError) -> Result) throws(RegistryError) -> Result {
        writing.wait()
        defer { writing.signal() }
        return try body(state.withLock { $0 })
    }

    func isKept(blob digest: String) -> Bool { state.withLock { $0.isUsed(blob: digest) } }

    /// Writes down loose blobs, nil for those to be forgotten, and removes the files that nothing refers to any more.
    func setLoose(_ changes: [String: RegistryState.LooseBlob?], in old: RegistryState) throws(RegistryError) {
        var new = old
        for (digest, blob) in changes { new.looseBlobs[digest] = blob }
        do throws(RegistryError) {
            try database.write { database in
                for (digest, blob) in changes { try AdapterTables.putLoose(blob, as: digest, database) }
            }
        } catch {
            if error.isDiskFull { blobs.remove(changes.keys.filter { !old.isUsed(blob: $0) }) }
            throw error
        }
        state.withLock { $0 = new }
        blobs.remove(changes.keys.filter { !new.isUsed(blob: $0) })
    }

    /// Holds contents for routes; an empty list holds nothing any more.
    func setHolds(_ changes: [ContentHolder: [HeldContent]], in old: RegistryState) {
        var new = old
        for (holder, held) in changes { new.holds[holder] = held.isEmpty ? nil : held }
        state.withLock { $0 = new }
    }

    /// The same, and forgets the contents that nothing needs then.
    func forgetUnheld(_ changes: [ContentHolder: [HeldContent]], in old: RegistryState) throws(RegistryError) {
        var new = old
        for (holder, held) in changes { new.holds[holder] = held.isEmpty ? nil : held }
        let gone = new.forgetUnused()
        try database.write { database in
            for content in gone { try AdapterTables.remove(content: content.digest, database) }
        }
        state.withLock { $0 = new }
        blobs.remove(gone.flatMap(\.blobs).filter { !new.isUsed(blob: $0) })
    }

    /// The change itself: one transaction, then memory, then the files that nothing refers to any more.
    private func replace(
        _ name: String, with record: AdapterRecord?, content: AdapterContent?, in old: RegistryState
    ) throws(RegistryError) {
        var new = old
        let gone = new.set(name, to: record, content: content)
        do throws(RegistryError) {
            try database.write { database in
                if let content { try AdapterTables.add(content, database) }
                try AdapterTables.put(record, as: name, database)
                for content in gone { try AdapterTables.remove(content: content.digest, database) }
            }
        } catch {
            // Only then is it certain that the transaction is not on the disk; otherwise the next start tells.
            if error.isDiskFull, let content { blobs.remove(content.blobs.filter { !old.isUsed(blob: $0) }) }
            throw error
        }
        state.withLock { $0 = new }
        blobs.remove(gone.flatMap(\.blobs).filter { !new.isUsed(blob: $0) })
    }
}

extension AdapterRevision {
    static func first(_ content: AdapterContent, _ options: AdapterOptions) -> AdapterRevision {
        AdapterRevision(generation: 1, digest: content.digest, bytes: content.bytes, created: .now, options: options)
    }
}
