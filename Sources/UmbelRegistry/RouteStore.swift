internal import GRDB

/// A generation of a route, as stored.
package struct RouteRecord: Hashable, Sendable {
    package let name: String
    /// Counts the changes of the name.
    package let generation: Int
    /// Counts the changes that make what was measured before incomparable: of arms or of what they serve.
    package let experiment: Int
    /// The route in JSON; written and read by those who know what a route is.
    package let specification: String
    /// What the arms need of adapters.
    package let contents: [HeldContent]
    /// Seconds since 1970.
    package let created: Int

    package init(
        name: String, generation: Int, experiment: Int, specification: String, contents: [HeldContent], created: Int
    ) {
        self.name = name
        self.generation = generation
        self.experiment = experiment
        self.specification = specification
        self.contents = contents
        self.created = created
    }
}

extension RouteRecord {
    package var holder: ContentHolder { ContentHolder(route: name, generation: generation) }
}

/// Routes on disk. Every call is one transaction.
package struct RouteStore: Sendable {
    /// Generations of a route that are kept, the one in force included.
    package static let generationsKept = 20

    private let database: RegistryDatabase

    package init(_ database: RegistryDatabase) {
        self.database = database
    }

    private static let countedTables = [
        "arm_figures", "route_assignment", "outcome_total", "route_key", "routed_request", "request_outcome",
    ]

    /// The last generation and experiment that a name was given, by a route that is gone too; 0 for none.
    package func numbers(of route: String) throws(RegistryError) -> (generation: Int, experiment: Int) {
        try database.read { database in
            let row = try Row.fetchOne(
                database, sql: "SELECT generation, experiment FROM route_number WHERE route = ?", arguments: [route])
            return (row?["generation"] ?? 0, row?["experiment"] ?? 0)
        }
    }

    /// The generation in force of every route, by name.
    package func current() throws(RegistryError) -> [RouteRecord] {
        try database.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT route, max(generation) AS generation, experiment, specification, created
                    FROM route_generation GROUP BY route ORDER BY route
                    """
            ).map { try Self.record($0, database) }
        }
    }

    /// All generations of a route that are kept, the newest first.
    package func history(of route: String) throws(RegistryError) -> [RouteRecord] {
        try database.read { database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM route_generation WHERE route = ? ORDER BY generation DESC",
                arguments: [route]
            ).map { try Self.record($0, database) }
        }
    }

    /// Adds a generation and forgets the one that is too old.
    package func add(_ record: RouteRecord) throws(RegistryError) {
        try database.write { database in
            try database.execute(
                sql: "INSERT INTO route_generation VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    record.name, record.generation, record.experiment, record.specification, record.created,
                ])
            try database.execute(
                sql: "INSERT OR REPLACE INTO route_number VALUES (?, ?, ?)",
                arguments: [record.name, record.generation, record.experiment])
            // What an experiment that is over has counted is nobody's any more.
            for table in Self.countedTables {
                try database.execute(
                    sql: "DELETE FROM \(table) WHERE route = ? AND experiment < ?",
                    arguments: [record.name, record.experiment])
            }
            for content in record.contents { try RouteTables.add(content, for: record.holder, database) }
            for table in ["route_generation", "route_content"] {
                try database.execute(
                    sql: "DELETE FROM \(table) WHERE route = ? AND generation <= ?",
                    arguments: [record.name, record.generation - Self.generationsKept])
            }
        }
    }

    /// Forgets a route with its history and everything that was counted.
    package func remove(_ route: String) throws(RegistryError) {
        try database.write { database in
            for table in ["route_generation", "route_content"] + Self.countedTables {
                try database.execute(sql: "DELETE FROM \(table) WHERE route = ?", arguments: [route])
            }
        }
    }

    private static func record(_ row: Row, _ database: Database) throws -> RouteRecord {
        let (route, generation): (String, Int) = (row["route"], row["generation"])
        let contents = try Row.fetchAll(
            database, sql: "SELECT * FROM route_content WHERE route = ? AND generation = ?",
            arguments: [route, generation]
        ).map(RouteTables.content)
        return RouteRecord(
            name: route, generation: generation, experiment: row["experiment"], specification: row["specification"],
            contents: contents, created: row["created"])
    }
}
