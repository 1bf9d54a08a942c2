internal import GRDB

/// Where routes and the outcomes that clients report for them are kept.
enum RouteTables {
    static func create(_ database: Database) throws {
        try database.create(table: "route") { table in
            table.primaryKey("name", .text)
            table.column("generation", .integer).notNull()
        }
    }
}
