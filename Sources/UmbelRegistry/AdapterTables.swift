internal import GRDB
internal import UmbelFormats

/// Where adapters are kept: names, what they point to and pointed to, tags, labels, contents and loose blobs.
enum AdapterTables {
    static func create(_ database: Database) throws {
        try database.create(table: "content") { table in
            table.primaryKey("digest", .text)
            table.column("tensors", .text).notNull()
            table.column("config", .text)
            table.column("bytes", .integer).notNull()
        }
        try database.create(table: "adapter") { table in
            table.primaryKey("name", .text)
            table.column("generation", .integer).notNull()
        }
        try database.create(table: "revision") { table in
            table.primaryKey {
                table.belongsTo("adapter", onDelete: .cascade).notNull()
                table.column("generation", .integer)
            }
            table.column("digest", .text).notNull().references("content").indexed()
            table.column("created", .integer).notNull()
            table.column("prefixes", .text).notNull()
            table.column("allow_unmatched", .boolean).notNull()
            table.column("base", .text)
            table.column("without_base", .boolean).notNull()
        }
        try createWords(database)
        // What was taken last from each path of the watched folder.
        try database.create(table: "watched") { table in
            table.primaryKey("path", .text)
            table.column("digest", .text).notNull()
        }
        try database.create(table: "loose_blob") { table in
            table.primaryKey("digest", .text)
            table.column("bytes", .integer).notNull()
            table.column("uploaded", .integer).notNull()
        }
    }

    /// What is known of contents that are textual inversions alone; null for others.
    static func addEmbeddings(_ database: Database) throws {
        try database.alter(table: "content") { $0.add(column: "embeddings", .text) }
    }

    private static func createWords(_ database: Database) throws {
        try database.create(table: "tag") { table in
            table.primaryKey {
                table.belongsTo("adapter", onDelete: .cascade).notNull()
                table.column("tag", .text)
            }
            table.column("generation", .integer).notNull()
            table.column("changed", .integer).notNull()
        }
        try database.create(table: "label") { table in
            table.primaryKey {
                table.belongsTo("adapter", onDelete: .cascade).notNull()
                table.column("label", .text)
            }
            table.column("value", .text).notNull()
        }
    }

    // MARK: Writing

    /// Writes all rows of a name anew, so that they are those of `record` whatever was there.
    static func put(_ record: AdapterRecord?, as name: String, _ database: Database) throws {
        try database.execute(sql: "DELETE FROM adapter WHERE name = ?", arguments: [name])
        guard let record else { return }
        try database.execute(
            sql: "INSERT INTO adapter (name, generation) VALUES (?, ?)", arguments: [name, record.generation])
        for revision in record.revisions {
            let options = revision.options
            try database.execute(
                sql: """
                    INSERT INTO revision
                    (adapterName, generation, digest, created, prefixes, allow_unmatched, base, without_base)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    name, revision.generation, revision.digest, revision.created.seconds,
                    JSON(options.prefixes.map(\.text)).text, options.allowsUnmatched, options.base,
                    options.isWithoutBase,
                ])
        }
        for (tag, value) in record.tags {
            try database.execute(
                sql: "INSERT INTO tag (adapterName, tag, generation, changed) VALUES (?, ?, ?, ?)",
                arguments: [name, tag, value.generation, value.changed.seconds])
        }
        for (label, value) in record.labels {
            try database.execute(
                sql: "INSERT INTO label (adapterName, label, value) VALUES (?, ?, ?)", arguments: [name, label, value])
        }
    }

    static func add(_ content: AdapterContent, _ database: Database) throws {
        try database.execute(
            sql: "INSERT OR IGNORE INTO content (digest, tensors, config, bytes) VALUES (?, ?, ?, ?)",
            arguments: [content.digest, content.tensors, content.config, content.bytes])
        if let embeddings = content.embeddings { try put(embeddings, of: content.digest, database) }
    }

    static func put(_ embeddings: [EmbeddingFacts], of digest: String, _ database: Database) throws {
        try database.execute(
            sql: "UPDATE content SET embeddings = ? WHERE digest = ?",
            arguments: [JSON.array(embeddings.map(\.json)).text, digest])
    }

    static func remove(content digest: String, _ database: Database) throws {
        try database.execute(sql: "DELETE FROM content WHERE digest = ?", arguments: [digest])
    }

    static func putLoose(_ blob: RegistryState.LooseBlob?, as digest: String, _ database: Database) throws {
        try database.execute(sql: "DELETE FROM loose_blob WHERE digest = ?", arguments: [digest])
        guard let blob else { return }
        try database.execute(
            sql: "INSERT INTO loose_blob (digest, bytes, uploaded) VALUES (?, ?, ?)",
            arguments: [digest, blob.bytes, blob.uploaded.seconds])
    }

    // MARK: The watched folder

    static func taken(from path: String, _ database: Database) throws -> String? {
        try String.fetchOne(database, sql: "SELECT digest FROM watched WHERE path = ?", arguments: [path])
    }

    static func setTaken(_ digest: String, from path: String, _ database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO watched (path, digest) VALUES (?, ?)", arguments: [path, digest])
    }

    // MARK: Reading

    /// Everything that is in the tables.
    ///
    /// - Throws: `RegistryError.inconsistent` if rows do not belong together.
    static func load(_ database: Database) throws -> RegistryState {
        var state = RegistryState()
        for row in try Row.fetchAll(database, sql: "SELECT * FROM content") {
            var content = AdapterContent(tensors: row["tensors"], config: row["config"], bytes: row["bytes"])
            // Absent in a damaged file of a former version, which is read as it is.
            let embeddings: String? = row["embeddings"]
            content.embeddings = try embeddings.map { try facts($0) }
            guard content.digest == row["digest"] else {
                throw RegistryError.inconsistent("content \(content.digest) is stored under another digest")
            }
            state.contents[content.digest] = content
        }
        for row in try Row.fetchAll(database, sql: "SELECT * FROM loose_blob") {
            state.looseBlobs[row["digest"]] = .init(bytes: row["bytes"], uploaded: Date(seconds: row["uploaded"]))
        }
        for row in try Row.fetchAll(database, sql: "SELECT * FROM adapter") {
            let record = try record(row["name"], generation: row["generation"], state.contents, database)
            state.records[record.name] = record
        }
        return state
    }

    private static func facts(_ text: String) throws -> [EmbeddingFacts] {
        guard let items = try? JSON(parsing: Array(text.utf8)).array else {
            throw RegistryError.inconsistent("what is noted of textual inversions is no list: \(text)")
        }
        return items.compactMap(EmbeddingFacts.init)
    }

    private static func record(
        _ name: String, generation: Int, _ contents: [String: AdapterContent], _ database: Database
    ) throws -> AdapterRecord {
        let rows = try Row.fetchAll(
            database, sql: "SELECT * FROM revision WHERE adapterName = ? ORDER BY generation DESC", arguments: [name])
        let revisions = try rows.map { row -> AdapterRevision in
            let digest: String = row["digest"]
            guard let content = contents[digest] else {
                throw RegistryError.inconsistent("“\(name)” points to the unknown content \(digest)")
            }
            return AdapterRevision(
                generation: row["generation"], digest: digest, bytes: content.bytes,
                created: Date(seconds: row["created"]), options: options(row))
        }
        guard let current = revisions.first, current.generation == generation else {
            throw RegistryError.inconsistent("“\(name)” has no generation \(generation)")
        }
        var record = AdapterRecord(name: name, current: current, former: Array(revisions.dropFirst()))
        for row in try Row.fetchAll(database, sql: "SELECT * FROM tag WHERE adapterName = ?", arguments: [name]) {
            let tag = AdapterTag(generation: row["generation"], changed: Date(seconds: row["changed"]))
            guard record.revision(tag.generation) != nil else {
                throw RegistryError.inconsistent("“\(name)” has a tag for generation \(tag.generation), which is gone")
            }
            record.tags[row["tag"]] = tag
        }
        for row in try Row.fetchAll(database, sql: "SELECT * FROM label WHERE adapterName = ?", arguments: [name]) {
            record.labels[row["label"]] = row["value"]
        }
        return record
    }

    private static func options(_ row: Row) -> AdapterOptions {
        var options = AdapterOptions()
        let prefixes: String = row["prefixes"]
        // Written by this file, so a text that is no list is damage that quick_check has told of.
        options.prefixes = ((try? JSON(parsing: Array(prefixes.utf8)))?.strings ?? []).compactMap(Prefix.init)
        options.allowsUnmatched = row["allow_unmatched"]
        options.base = row["base"]
        options.isWithoutBase = row["without_base"]
        return options
    }
}
