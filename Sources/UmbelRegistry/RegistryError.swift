/// Why the registry could not do something.
package enum RegistryError: Error, Hashable, Sendable {
    /// No room for the change, which has not happened.
    case diskFull
    /// The file is no database, or a damaged one.
    case damaged(String)
    /// Another failure of SQLite, with its extended result code.
    case database(code: Int, message: String)
    /// What was read is not what was written.
    case inconsistent(String)
}
