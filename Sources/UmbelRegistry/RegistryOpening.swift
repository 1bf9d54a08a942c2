internal import UmbelPOSIX

/// What is found when a data folder is opened, put in order.
struct RegistryOpening {
    let database: RegistryDatabase
    let blobs: BlobFolder
    private(set) var state = RegistryState()
    private(set) var faults: [RegistryFault] = []

    init(folder: String, settings: RegistrySettings, pageLimit: Int?) throws(RegistryError) {
        let path = folder + "/registry.sqlite"
        let isNew = !Directory.isFile(path)
        let former = FormerLayout(folder: folder)
        if isNew, !former.isThere, let moved = try Self.moveStrayBlobs(folder) {
            faults.append(.strayBlobs(path: moved))
        }
        database = try RegistryDatabase(path: path, pageLimit: pageLimit)
        blobs = try onDisk { () throws(SystemError) in try BlobFolder(folder + "/blobs") }
        if let fault = database.fault { faults.append(.database(fault)) }
        do throws(RegistryError) {
            state = try database.read { database in
                var state = try AdapterTables.load(database)
                state.holds = try RouteTables.holds(database)
                return state
            }
        } catch {
            // Told of already where the file itself is at fault.
            if database.fault == nil { throw error }
        }
        guard database.fault == nil else {
            checkContents()
            return
        }
        let unread = try former.takeOver(into: &state, database, blobs)
        faults += unread.map { .formerRecord(path: $0) }
        checkContents()
        do throws(RegistryError) {
            try sweep(settings)
        } catch {
            // A disk that is full keeps nobody from starting; the next start sweeps.
            guard error.isDiskFull else { throw error }
        }
    }

    /// Files that a database knew which is not there any more are nobody's to delete.
    ///
    /// - Returns: where they are now.
    private static func moveStrayBlobs(_ folder: String) throws(RegistryError) -> String? {
        try onDisk { () throws(SystemError) in
            guard Directory.isDirectory(folder + "/blobs"), try !Directory.names(in: folder + "/blobs").isEmpty else {
                return nil
            }
            let target = "\(folder)/blobs-without-registry-\(Date.now.seconds)"
            try Directory.rename(folder + "/blobs", to: target)
            return target
        }
    }

    private mutating func checkContents() {
        for content in state.contents.values.sorted(by: { $0.digest < $1.digest }) {
            let names = state.records.values.filter { $0.revisions.contains { $0.digest == content.digest } }
            for blob in content.blobs {
                guard let fault = blobs.fault(of: blob, bytes: blob == content.tensors ? content.bytes : nil) else {
                    continue
                }
                faults.append(
                    .content(digest: content.digest, path: fault.subject, names: names.map(\.name).sorted()))
            }
        }
    }

    /// Forgets blobs whose time is over, and removes files that a crash left without anything that refers to them.
    private mutating func sweep(_ settings: RegistrySettings) throws(RegistryError) {
        let expired = state.expired(at: .now, after: settings.blobGraceSeconds)
        if !expired.isEmpty {
            try database.write { database in
                for digest in expired { try AdapterTables.putLoose(nil, as: digest, database) }
            }
            for digest in expired { state.looseBlobs[digest] = nil }
        }
        // A crash may have come between the end of a route and that of its contents.
        let gone = state.forgetUnused()
        if !gone.isEmpty {
            try database.write { database in
                for content in gone { try AdapterTables.remove(content: content.digest, database) }
            }
        }
        let used = state.blobs
        blobs.remove(try onDisk { () throws(SystemError) in try blobs.digests }.filter { !used.contains($0) })
    }
}
