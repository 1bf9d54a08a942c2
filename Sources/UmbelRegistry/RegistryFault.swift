/// Something that could not be read when the registry was opened. It is left as it is.
package enum RegistryFault: Hashable, Sendable {
    /// The database: nothing can be changed, and what could not be read is not there.
    case database(RegistryError)
    /// A content of which a file is missing, cut off or not to be opened, and the names that use it.
    case content(digest: String, path: String, names: [String])
    /// A record of the former layout.
    case formerRecord(path: String)
    /// Files that no database knew, moved aside.
    case strayBlobs(path: String)
}
