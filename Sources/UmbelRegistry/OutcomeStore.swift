internal import GRDB

/// Which arm of a route answered a request.
package struct RoutedRequest: Hashable, Sendable {
    package let id: String
    package let route: String
    package let experiment: Int
    package let arm: String
    /// Seconds since 1970.
    package let at: Int

    package init(id: String, route: String, experiment: Int, arm: String, at: Int) {
        self.id = id
        self.route = route
        self.experiment = experiment
        self.arm = arm
        self.at = at
    }
}

/// How many keys or requests an arm was given while the weights were those of one generation of its route.
package struct ArmAssignment: Hashable, Sendable {
    package let generation: Int
    package let arm: String
    package let weight: Double
    package var count: Int

    package init(generation: Int, arm: String, weight: Double, count: Int = 0) {
        self.generation = generation
        self.arm = arm
        self.weight = weight
        self.count = count
    }
}

/// What was counted on the arms of routes, on disk. Figures and totals are texts of those who count.
package struct OutcomeStore: Sendable {
    /// Requests that outcomes may name: so many of the last ones.
    package static let requestsKept = 1_000_000

    private let database: RegistryDatabase

    package init(_ database: RegistryDatabase) {
        self.database = database
    }

    /// Figures by arm.
    package func figures(route: String, experiment: Int) throws(RegistryError) -> [String: String] {
        try database.read { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT arm, figures FROM arm_figures WHERE route = ? AND experiment = ?",
                arguments: [route, experiment])
            return Dictionary(rows.map { ($0["arm"], $0["figures"]) }, uniquingKeysWith: { first, _ in first })
        }
    }

    /// Totals by arm and metric.
    package func totals(route: String, experiment: Int) throws(RegistryError) -> [String: [String: String]] {
        try database.read { database in
            var totals: [String: [String: String]] = [:]
            let rows = try Row.fetchAll(
                database, sql: "SELECT arm, metric, total FROM outcome_total WHERE route = ? AND experiment = ?",
                arguments: [route, experiment])
            for row in rows { totals[row["arm"], default: [:]][row["metric"]] = row["total"] }
            return totals
        }
    }

    /// By generation and arm.
    package func assignments(route: String, experiment: Int) throws(RegistryError) -> [ArmAssignment] {
        try database.read { database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM route_assignment WHERE route = ? AND experiment = ?",
                arguments: [route, experiment]
            ).map { row in
                ArmAssignment(
                    generation: row["generation"], arm: row["arm"], weight: row["weight"], count: row["count"])
            }
        }
    }

    /// Hashes of the keys that have been counted.
    package func keys(route: String, experiment: Int) throws(RegistryError) -> Set<UInt64> {
        try database.read { database in
            let hashes = try Int64.fetchAll(
                database, sql: "SELECT hash FROM route_key WHERE route = ? AND experiment = ?",
                arguments: [route, experiment])
            return Set(hashes.map { UInt64(bitPattern: $0) })
        }
    }

    /// What the arms of one experiment have counted since the last time.
    package struct Progress: Sendable {
        package let route: String
        package let experiment: Int
        package let figures: [String: String]
        package let assignments: [ArmAssignment]
        package let newKeys: [UInt64]

        package init(
            route: String, experiment: Int, figures: [String: String], assignments: [ArmAssignment], newKeys: [UInt64]
        ) {
            self.route = route
            self.experiment = experiment
            self.figures = figures
            self.assignments = assignments
            self.newKeys = newKeys
        }
    }

    /// Writes what was counted, in one transaction.
    package func save(_ progress: [Progress], _ requests: [RoutedRequest]) throws(RegistryError) {
        try database.write { database in
            for item in progress {
                for (arm, figures) in item.figures {
                    try database.execute(
                        sql: "INSERT OR REPLACE INTO arm_figures VALUES (?, ?, ?, ?)",
                        arguments: [item.route, item.experiment, arm, figures])
                }
                for row in item.assignments {
                    try database.execute(
                        sql: "INSERT OR REPLACE INTO route_assignment VALUES (?, ?, ?, ?, ?, ?)",
                        arguments: [item.route, item.experiment, row.generation, row.arm, row.weight, row.count])
                }
                for hash in item.newKeys {
                    try database.execute(
                        sql: "INSERT OR IGNORE INTO route_key VALUES (?, ?, ?)",
                        arguments: [item.route, item.experiment, Int64(bitPattern: hash)])
                }
            }
            for request in requests {
                try database.execute(
                    sql: "INSERT OR REPLACE INTO routed_request VALUES (?, ?, ?, ?, ?)",
                    arguments: [request.route, request.id, request.experiment, request.arm, request.at])
            }
            try Self.forgetOldRequests(database)
        }
    }

    private static func forgetOldRequests(_ database: Database) throws {
        let count = try Int.fetchOne(database, sql: "SELECT count(*) FROM routed_request") ?? 0
        // A tenth at a time, so that not every call deletes.
        guard count > requestsKept else { return }
        try database.execute(
            sql: """
                DELETE FROM routed_request
                WHERE (route, id) IN (SELECT route, id FROM routed_request ORDER BY at LIMIT ?)
                """, arguments: [count - requestsKept + requestsKept / 10])
        try database.execute(
            sql: "DELETE FROM request_outcome WHERE (route, id) NOT IN (SELECT route, id FROM routed_request)")
    }

    /// Counts outcomes in one transaction: all of what `body` does, or nothing.
    package func count<Result>(
        _ body: (Transaction) throws -> Result
    ) throws(RegistryError) -> Result {
        try database.write { try body(Transaction(database: $0)) }
    }

    package struct Transaction {
        fileprivate let database: Database

        /// The arm that answered a request; nil if it is not known, or not any more.
        package func request(_ id: String, of route: String) throws -> RoutedRequest? {
            try Row.fetchOne(
                database, sql: "SELECT * FROM routed_request WHERE route = ? AND id = ?", arguments: [route, id]
            ).map { row in
                RoutedRequest(
                    id: id, route: route, experiment: row["experiment"], arm: row["arm"], at: row["at"])
            }
        }

        /// Remembers that a request's outcome was counted.
        ///
        /// - Returns: false if it had been before.
        package func claim(
            request id: String, metric: String, route: String, experiment: Int
        ) throws -> Bool {
            try database.execute(
                sql: "INSERT OR IGNORE INTO request_outcome VALUES (?, ?, ?, ?)",
                arguments: [route, experiment, id, metric])
            return database.changesCount == 1
        }

        package func save(
            total: String, route: String, experiment: Int, arm: String, metric: String
        ) throws {
            try database.execute(
                sql: "INSERT OR REPLACE INTO outcome_total VALUES (?, ?, ?, ?, ?)",
                arguments: [route, experiment, arm, metric, total])
        }
    }
}
