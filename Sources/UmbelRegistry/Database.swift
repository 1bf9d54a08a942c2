internal import GRDB

/// The tables of the registry: one SQLite file below the data folder, opened by one process.
///
/// A change is acknowledged when its transaction is on the disk: the journal is written ahead and synchronised at every
/// commit (`PRAGMA synchronous = FULL`), so that after a crash at any moment either all of it is there or nothing.
package final class RegistryDatabase: Sendable {
    private let queue: DatabaseQueue

    /// Opens the file, makes it if it is missing, and brings its tables up to date.
    package init(path: String) throws(RegistryError) {
        queue = try Self.translating {
            var configuration = Configuration()
            configuration.label = "umbel.registry"
            configuration.journalMode = .wal
            configuration.prepareDatabase { database in
                try database.execute(sql: "PRAGMA synchronous = FULL")
            }
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try Migrations.all.migrate(queue)
            return queue
        }
    }

    /// One transaction: all of `changes` or, if it throws, nothing.
    func write<Result>(_ changes: (Database) throws -> Result) throws(RegistryError) -> Result {
        try Self.translating { try queue.write(changes) }
    }

    func read<Result>(_ query: (Database) throws -> Result) throws(RegistryError) -> Result {
        try Self.translating { try queue.read(query) }
    }

    private static func translating<Result>(_ body: () throws -> Result) throws(RegistryError) -> Result {
        do {
            return try body()
        } catch let error as RegistryError {
            throw error
        } catch let error as DatabaseError {
            throw RegistryError(error)
        } catch {
            throw .inconsistent("\(error)")
        }
    }
}

extension RegistryError {
    init(_ error: DatabaseError) {
        switch error.resultCode {
        case .SQLITE_FULL: self = .diskFull
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .damaged(error.message ?? "\(error.resultCode)")
        default: self = .database(code: Int(error.extendedResultCode.rawValue), message: error.message ?? "")
        }
    }
}
