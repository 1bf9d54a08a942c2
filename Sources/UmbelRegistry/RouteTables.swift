internal import GRDB
internal import UmbelFormats

/// Where routes, what they were before, and what was counted on their arms are kept.
enum RouteTables {
    static func create(_ database: Database) throws {
        // Every generation that can be rolled back to; the highest is the one in force.
        try database.execute(
            sql: """
                CREATE TABLE route_generation (
                    route TEXT NOT NULL, generation INTEGER NOT NULL, experiment INTEGER NOT NULL,
                    specification TEXT NOT NULL, created INTEGER NOT NULL,
                    PRIMARY KEY (route, generation)) WITHOUT ROWID;
                -- Contents of adapters that a generation needs. They are kept as long as it is.
                CREATE TABLE route_content (
                    route TEXT NOT NULL, generation INTEGER NOT NULL, digest TEXT NOT NULL, name TEXT NOT NULL,
                    prefixes TEXT NOT NULL, allow_unmatched INTEGER NOT NULL,
                    PRIMARY KEY (route, generation, digest, name, prefixes, allow_unmatched)) WITHOUT ROWID;
                -- Requests, errors and latencies of an arm.
                CREATE TABLE arm_figures (
                    route TEXT NOT NULL, experiment INTEGER NOT NULL, arm TEXT NOT NULL, figures TEXT NOT NULL,
                    PRIMARY KEY (route, experiment, arm)) WITHOUT ROWID;
                -- How many keys or requests each arm was given while the weights were those of a generation.
                CREATE TABLE route_assignment (
                    route TEXT NOT NULL, experiment INTEGER NOT NULL, generation INTEGER NOT NULL, arm TEXT NOT NULL,
                    weight REAL NOT NULL, count INTEGER NOT NULL,
                    PRIMARY KEY (route, experiment, generation, arm)) WITHOUT ROWID;
                -- Values that clients reported for an arm, summed up.
                CREATE TABLE outcome_total (
                    route TEXT NOT NULL, experiment INTEGER NOT NULL, arm TEXT NOT NULL, metric TEXT NOT NULL,
                    total TEXT NOT NULL,
                    PRIMARY KEY (route, experiment, arm, metric)) WITHOUT ROWID;
                -- Keys of sticky routes that have been assigned, hashed: each counts once.
                CREATE TABLE route_key (
                    route TEXT NOT NULL, experiment INTEGER NOT NULL, hash INTEGER NOT NULL,
                    PRIMARY KEY (route, experiment, hash)) WITHOUT ROWID;
                -- Which arm answered a request, so that an outcome can name the request.
                CREATE TABLE routed_request (
                    route TEXT NOT NULL, id TEXT NOT NULL, experiment INTEGER NOT NULL, arm TEXT NOT NULL,
                    at INTEGER NOT NULL, PRIMARY KEY (route, id)) WITHOUT ROWID;
                CREATE INDEX routed_request_at ON routed_request (at);
                -- Outcomes that were counted for a request: a repeated one is not counted again.
                CREATE TABLE request_outcome (
                    route TEXT NOT NULL, experiment INTEGER NOT NULL, id TEXT NOT NULL, metric TEXT NOT NULL,
                    PRIMARY KEY (route, experiment, id, metric)) WITHOUT ROWID;
                -- The last numbers that a name was given. They outlive it, so that none means two things.
                CREATE TABLE route_number (
                    route TEXT PRIMARY KEY, generation INTEGER NOT NULL, experiment INTEGER NOT NULL) WITHOUT ROWID;
                """)
    }

    /// What every generation that is kept holds.
    static func holds(_ database: Database) throws -> [ContentHolder: [HeldContent]] {
        var holds: [ContentHolder: [HeldContent]] = [:]
        for row in try Row.fetchAll(database, sql: "SELECT * FROM route_content") {
            let holder = ContentHolder(route: row["route"], generation: row["generation"])
            holds[holder, default: []].append(content(row))
        }
        return holds
    }

    static func add(_ content: HeldContent, for holder: ContentHolder, _ database: Database) throws {
        try database.execute(
            sql: "INSERT OR IGNORE INTO route_content VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [
                holder.route, holder.generation, content.digest, content.name,
                JSON(content.options.prefixes.map(\.text)).text, content.options.allowsUnmatched,
            ])
    }

    static func content(_ row: Row) -> HeldContent {
        var options = AdapterOptions()
        let prefixes: String = row["prefixes"]
        options.prefixes = ((try? JSON(parsing: Array(prefixes.utf8)))?.strings ?? []).compactMap(Prefix.init)
        options.allowsUnmatched = row["allow_unmatched"]
        return HeldContent(name: row["name"], digest: row["digest"], options: options)
    }
}
