package import UmbelPOSIX

/// Why the registry could not do something. Nothing has changed then.
package enum RegistryError: Error, Hashable, Sendable {
    /// No room for the change in the database.
    case diskFull
    /// The file is no database, or a damaged one.
    case damaged(String)
    /// Another failure of SQLite, with its extended result code.
    case database(code: Int, message: String)
    /// The tables are those of a later version of the program.
    case laterVersion
    /// What was read is not what was written.
    case inconsistent(String)
    /// A file or folder beside the database.
    case system(SystemError)
    /// No blob of that digest is here.
    case unknownBlob(String)
    /// The name does not have such a revision: which one was asked for.
    case unknownRevision(name: String, String)
    case unknownTag(name: String, tag: String, known: [String])
    /// The name has had one content only.
    case nothingBefore(name: String)

    /// There is no room, in the database or beside it.
    package var isDiskFull: Bool {
        switch self {
        case .diskFull: true
        case .system(let error): error.isDiskFull
        default: false
        }
    }

    /// Another process uses the folder.
    package var isTaken: Bool {
        if case .system(let error) = self { error.isTaken } else { false }
    }
}

/// Runs what calls the system for the registry.
func onDisk<Result>(_ body: () throws(SystemError) -> Result) throws(RegistryError) -> Result {
    do {
        return try body()
    } catch {
        throw .system(error)
    }
}
