internal import GRDB

/// The tables of the registry: one SQLite file below the data folder, opened by one process.
///
/// A change is acknowledged when its transaction is on the disk: the journal is written ahead and synchronised at every
/// commit (`PRAGMA synchronous = FULL`), so that after a crash at any moment either all of it is there or nothing.
package final class RegistryDatabase: Sendable {
    /// nil if the file cannot be opened as a database at all.
    private let queue: DatabaseQueue?
    /// Why nothing can be changed: the file is damaged. What can be read of it still is.
    package let fault: RegistryError?

    /// Opens the file, makes it if it is missing, and brings its tables up to date. A damaged file is not touched.
    ///
    /// - Throws: `RegistryError` if it could not be opened for another reason than damage.
    package convenience init(path: String) throws(RegistryError) {
        try self.init(path: path, pageLimit: nil)
    }

    /// - Parameter pageLimit: how many pages of 4096 bytes the file may have; nil for as many as the disk holds.
    init(path: String, pageLimit: Int?) throws(RegistryError) {
        do throws(RegistryError) {
            queue = try Self.translating {
                let queue = try DatabaseQueue(path: path, configuration: Self.configuration(pageLimit: pageLimit))
                // Only now: setting up the journal has lowered it.
                try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
                try Self.check(queue)
                try Migrations.all.migrate(queue)
                // The file and the journal have their room from now on: a deletion needs no more of it.
                do {
                    _ = try queue.writeWithoutTransaction { try $0.checkpoint(.restart) }
                } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
                    // A disk that is full keeps nobody from reading.
                }
                return queue
            }
            fault = nil
        } catch {
            guard case .damaged = error else { throw error }
            var configuration = Configuration()
            configuration.readonly = true
            // What cannot even be opened has nothing to read; the fault says so.
            queue = try? DatabaseQueue(path: path, configuration: configuration)
            fault = error
        }
    }

    private static func configuration(pageLimit: Int?) -> Configuration {
        var configuration = Configuration()
        configuration.label = "umbel.registry"
        configuration.journalMode = .wal
        configuration.prepareDatabase { database in
            // Lookups are answered from memory of our own: a quarter of a megabyte of pages is enough.
            try database.execute(sql: "PRAGMA cache_size = -256")
            if let pageLimit { try database.execute(sql: "PRAGMA max_page_count = \(pageLimit)") }
        }
        return configuration
    }

    private static func check(_ queue: DatabaseQueue) throws {
        let findings = try queue.read { try String.fetchAll($0, sql: "PRAGMA quick_check(3)") }
        guard findings == ["ok"] else { throw RegistryError.damaged(findings.joined(separator: "; ")) }
        if try queue.read(Migrations.all.hasBeenSuperseded) { throw RegistryError.laterVersion }
    }

    /// What `PRAGMA synchronous` says of the connection: 2 is FULL.
    package var synchronous: Int? { try? read { try Int.fetchOne($0, sql: "PRAGMA synchronous") } }

    /// One transaction: all of `changes` or, if it throws, nothing.
    func write<Result>(_ changes: (Database) throws -> Result) throws(RegistryError) -> Result {
        if let fault { throw fault }
        let queue = try opened
        return try Self.translating {
            do {
                return try queue.write(changes)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
                // What lies in the journal can go into the file, and its room be used once more: so that on a full disk
                // at least a deletion goes through.
                _ = try queue.writeWithoutTransaction { try $0.checkpoint(.restart) }
                return try queue.write(changes)
            }
        }
    }

    func read<Result>(_ query: (Database) throws -> Result) throws(RegistryError) -> Result {
        let queue = try opened
        return try Self.translating { try queue.read(query) }
    }

    private var opened: DatabaseQueue {
        get throws(RegistryError) {
            guard let queue else { throw fault ?? .inconsistent("the database is not open") }
            return queue
        }
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
