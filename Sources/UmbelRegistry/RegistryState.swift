/// All that the registry knows, as one value. What the tables hold is this.
struct RegistryState: Hashable, Sendable {
    var records: [String: AdapterRecord] = [:]
    /// By digest: those that a revision of a record points to or a route holds.
    var contents: [String: AdapterContent] = [:]
    /// By digest: files that arrived by themselves, kept for a while whether or not a content uses them.
    var looseBlobs: [String: LooseBlob] = [:]

    /// Contents that routes need.
    var holds: [ContentHolder: [HeldContent]] = [:]

    struct LooseBlob: Hashable, Sendable {
        let bytes: Int
        let uploaded: Date
    }

    /// Puts a record in place of what its name had, and forgets the contents that nothing points to any more.
    ///
    /// - Parameter content: what it points to now, if that may be new.
    /// - Returns: the contents forgotten.
    mutating func set(_ name: String, to record: AdapterRecord?, content: AdapterContent? = nil) -> [AdapterContent] {
        let before = Set(records[name]?.revisions.map(\.digest) ?? [])
        records[name] = record
        if let content { contents[content.digest] = content }
        let gone = before.subtracting(record?.revisions.map(\.digest) ?? []).filter { !isUsed(content: $0) }
        return gone.sorted().compactMap { contents.removeValue(forKey: $0) }
    }

    private func isUsed(content digest: String) -> Bool {
        records.values.contains { record in record.revisions.contains { $0.digest == digest } }
            || holds.values.contains { held in held.contains { $0.digest == digest } }
    }

    /// Forgets the contents that nothing points to.
    ///
    /// - Returns: the contents forgotten.
    mutating func forgetUnused() -> [AdapterContent] {
        let used = Set(records.values.flatMap { $0.revisions.map(\.digest) })
            .union(holds.values.joined().map(\.digest))
        return contents.keys.filter { !used.contains($0) }.sorted().compactMap { contents.removeValue(forKey: $0) }
    }

    /// Whether a file below `blobs/` is one that is to be kept.
    func isUsed(blob: String) -> Bool {
        looseBlobs[blob] != nil || contents.values.contains { $0.tensors == blob || $0.config == blob }
    }

    /// Every file below `blobs/` that is to be kept.
    var blobs: Set<String> { Set(looseBlobs.keys).union(contents.values.flatMap(\.blobs)) }

    /// Loose blobs that have been there longer than `seconds`.
    func expired(at now: Date, after seconds: Int) -> [String] {
        looseBlobs.filter { now.seconds - $0.value.uploaded.seconds > seconds }.map(\.key).sorted()
    }
}
