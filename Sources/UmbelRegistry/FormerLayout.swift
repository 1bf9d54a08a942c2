internal import UmbelFormats
internal import UmbelPOSIX

/// The data folder as it was before there was a database, taken over at the first start.
///
///     <folder>/adapters/<name>.json       what the name points to
///     <folder>/blobs/<digest>/            adapter.safetensors, and adapter_config.json for PEFT
///
/// Nothing of it is removed before the database holds all that could be read of it, so that a crash on the way leaves
/// something to begin again with.
struct FormerLayout {
    private let folder: String
    private var records: String { folder + "/adapters" }
    /// Where the folders of contents wait while their place is taken by files of the same names.
    private var contents: String { folder + "/former-blobs" }

    init(folder: String) {
        self.folder = folder
    }

    var isThere: Bool { Directory.isDirectory(records) }

    /// - Returns: paths of the records that could not be read. They and all contents stay, because nobody knows what
    ///   those records point to.
    func takeOver(
        into state: inout RegistryState, _ database: RegistryDatabase, _ blobs: BlobFolder
    ) throws(RegistryError) -> [String] {
        guard isThere else { return [] }
        try onDisk { () throws(SystemError) in try moveContents(blobs) }
        var unread: [String] = []
        var done: [String] = []
        for file in try onDisk({ () throws(SystemError) in try Directory.names(in: records) }) {
            let path = records + "/" + file
            // The temporary sibling of a record whose writer died.
            guard file.hasSuffix(".json") else {
                done.append(path)
                continue
            }
            let isTaken = try onDisk { () throws(SystemError) in try take(path, into: &state, blobs) }
            if isTaken { done.append(path) } else { unread.append(path) }
        }
        let taken = state
        try database.write { database in
            for content in taken.contents.values { try AdapterTables.add(content, database) }
            for record in taken.records.values { try AdapterTables.put(record, as: record.name, database) }
        }
        try onDisk { () throws(SystemError) in
            for path in done { try Directory.removeFile(path) }
            guard unread.isEmpty else { return }
            try Directory.removeTree(contents)
            try Directory.removeTree(records)
        }
        return unread
    }

    private func moveContents(_ blobs: BlobFolder) throws(SystemError) {
        try Directory.create(contents)
        for name in try Directory.names(in: blobs.folder) where Directory.isDirectory(blobs.path(name)) {
            try Directory.rename(blobs.path(name), to: contents + "/" + name)
        }
    }

    /// - Returns: false if the record, or what it points to, cannot be read.
    private func take(_ path: String, into state: inout RegistryState, _ blobs: BlobFolder) throws(SystemError) -> Bool
    {
        let text = try MappedFile(path: path)
        guard let json = try? JSON(parsing: text.bytes), let record = FormerRecord(json) else { return false }
        // Taken over before a crash, and perhaps changed since.
        if state.records[record.name] != nil { return true }
        let source = contents + "/" + record.digest
        let tensors = source + "/" + AdapterContent.tensorFile
        let config = source + "/" + AdapterContent.configFile
        guard Directory.isFile(tensors) else { return false }
        let files = Directory.isFile(config) ? [tensors, config] : [tensors]
        let digests = try files.map { file throws(SystemError) in SHA256.hex(of: try MappedFile(path: file).bytes) }
        let bytes = try MappedFile(path: tensors).bytes.count
        let content = AdapterContent(tensors: digests[0], config: digests.count > 1 ? digests[1] : nil, bytes: bytes)
        guard content.digest == record.digest else { return false }
        for (file, digest) in zip(files, digests) where !Directory.isFile(blobs.path(digest)) {
            try Directory.link(file, as: blobs.path(digest))
        }
        try Directory.synchronize(blobs.folder)
        let revision = AdapterRevision(
            generation: record.generation, digest: content.digest, bytes: bytes, created: record.created,
            options: record.options)
        state.contents[content.digest] = content
        state.records[record.name] = AdapterRecord(name: record.name, current: revision)
        return true
    }
}

/// A record as a file of the former layout holds it.
private struct FormerRecord {
    let name: String
    let digest: String
    let created: Date
    let generation: Int
    var options = AdapterOptions()

    /// - Returns: nil if a field is missing or of the wrong type.
    init?(_ json: JSON) {
        guard json["version"]?.integer == 1, let name = json["name"]?.string, let digest = json["digest"]?.string,
            let created = json["created"]?.integer, let generation = json["generation"]?.integer,
            let prefixes = json["prefixes"]?.strings
        else { return nil }
        self.name = name
        self.digest = digest
        self.created = Date(seconds: created)
        self.generation = generation
        options.prefixes = prefixes.compactMap(Prefix.init)
        options.allowsUnmatched = json["allow_unmatched"]?.bool ?? false
        options.base = json["base"]?.string
        options.isWithoutBase = json["without_base"]?.bool ?? false
    }
}
