internal import GRDB
internal import Synchronization

/// The recipe behind a variant id.
package struct RecordedRecipe: Hashable, Sendable {
    /// 40 hexadecimal digits.
    package let id: String
    /// A model reference in which every adapter has its whole digest.
    package let reference: String
    /// The type of all floating-point tensors; nil for the base's own.
    package let dtype: String?
    /// Seconds since 1970.
    package let created: Int

    package init(id: String, reference: String, dtype: String?, created: Int) {
        self.id = id
        self.reference = reference
        self.dtype = dtype
        self.created = created
    }
}

/// Recipes by variant id. An id is a digest and cannot be read backwards, so whoever gives one out that is to be good
/// tomorrow writes its recipe down here first.
package final class RecipeStore: Sendable {
    /// How many recipes are kept; the oldest go first.
    package let limit: Int
    private let database: RegistryDatabase
    /// Ids that are known to be written, so that each is written once and not with every request.
    private let written = Mutex<Set<String>>([])
    private static let writtenLimit = 512

    package init(_ database: RegistryDatabase, limit: Int = 100_000) {
        self.database = database
        self.limit = limit
    }

    /// Durable when it returns. Costs a transaction for an id that is new to this process, and nothing after that.
    package func remember(_ recipe: RecordedRecipe) throws(RegistryError) {
        if written.withLock({ $0.contains(recipe.id) }) { return }
        let limit = limit
        try database.write { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO recipe (id, reference, dtype, created) VALUES (?, ?, ?, ?)",
                arguments: [recipe.id, recipe.reference, recipe.dtype, recipe.created])
            guard database.changesCount > 0 else { return }
            try database.execute(
                sql: "DELETE FROM recipe WHERE rowid <= (SELECT max(rowid) FROM recipe) - ?", arguments: [limit])
        }
        written.withLock { written in
            if written.count >= Self.writtenLimit { written.removeAll() }
            written.insert(recipe.id)
        }
    }

    /// - Returns: nil for an id that was never given out, or so long ago that it has been dropped.
    package func recipe(_ id: String) throws(RegistryError) -> RecordedRecipe? {
        try database.read { database in
            try Row.fetchOne(
                database, sql: "SELECT id, reference, dtype, created FROM recipe WHERE id = ?", arguments: [id]
            ).map { RecordedRecipe(id: $0[0], reference: $0[1], dtype: $0[2], created: $0[3]) }
        }
    }

    /// The model reference that a chain's name stands for.
    package func chain(_ name: String) throws(RegistryError) -> String? {
        try database.read { database in
            try String.fetchOne(database, sql: "SELECT reference FROM chain WHERE name = ?", arguments: [name])
        }
    }

    package func setChain(_ name: String, to reference: String) throws(RegistryError) {
        try database.write { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO chain (name, reference) VALUES (?, ?)", arguments: [name, reference])
        }
    }
}
