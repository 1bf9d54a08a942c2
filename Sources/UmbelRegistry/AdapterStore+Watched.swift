extension AdapterStore {
    /// Digest of what was taken last from a path of the watched folder.
    package func taken(from path: String) throws(RegistryError) -> String? {
        try database.read { try AdapterTables.taken(from: path, $0) }
    }

    package func setTaken(_ digest: String, from path: String) throws(RegistryError) {
        try database.write { try AdapterTables.setTaken(digest, from: path, $0) }
    }
}
