internal import GRDB

/// What clients were told and may come back with: the recipes behind variant ids, and the chain behind `default`.
enum RecipeTables {
    static func create(_ database: Database) throws {
        try database.create(table: "recipe") { table in
            table.primaryKey("id", .text)
            table.column("reference", .text).notNull()
            table.column("dtype", .text)
            table.column("created", .integer).notNull()
        }
        try database.create(table: "chain") { table in
            table.primaryKey("name", .text)
            table.column("reference", .text).notNull()
        }
    }
}
