internal import GRDB

/// How the tables came to be what they are, oldest first. A migration that has been released is never changed.
enum Migrations {
    static var all: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("routes", migrate: RouteTables.create)
        migrator.registerMigration("adapters", migrate: AdapterTables.create)
        migrator.registerMigration("recipes", migrate: RecipeTables.create)
        migrator.registerMigration("embeddings", migrate: AdapterTables.addEmbeddings)
        return migrator
    }
}
