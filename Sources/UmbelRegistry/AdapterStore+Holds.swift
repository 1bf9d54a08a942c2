internal import Synchronization

/// Contents that routes need. What is held is written with the route (`RouteStore`), in the same transaction; here it is
/// only kept from being forgotten, so a route's contents are held before it is written and let go after it is gone.
extension AdapterStore {
    /// - Throws: `RegistryError.unknownRevision` if one of them is not here any more; nothing is held then.
    package func hold(_ contents: [HeldContent], for holder: ContentHolder) throws(RegistryError) {
        try changing { (state: RegistryState) throws(RegistryError) in
            for held in contents where state.contents[held.digest] == nil {
                throw .unknownRevision(name: held.name, "sha256:\(held.digest)")
            }
            setHolds([holder: contents], in: state)
        }
    }

    /// Lets contents go that nothing else needs.
    package func release(_ holders: [ContentHolder]) throws(RegistryError) {
        try changing { (state: RegistryState) throws(RegistryError) in
            let none = Dictionary(holders.map { ($0, [HeldContent]()) }, uniquingKeysWith: { first, _ in first })
            try forgetUnheld(none, in: state)
        }
    }

    /// A content that is held, as if the name that had it pointed to it; nil if it is not here.
    package func heldRecord(_ held: HeldContent) -> AdapterRecord? {
        content(held.digest).map { RegistryState.record(held, $0) }
    }

    /// Contents that are held, as if the names that had them pointed to them.
    package var heldRecords: [AdapterRecord] { state.withLock { $0.heldRecords } }
}

extension RegistryState {
    var heldRecords: [AdapterRecord] {
        Set(holds.values.joined()).sorted { ($0.name, $0.digest) < ($1.name, $1.digest) }.compactMap { held in
            contents[held.digest].map { Self.record(held, $0) }
        }
    }

    static func record(_ held: HeldContent, _ content: AdapterContent) -> AdapterRecord {
        let revision = AdapterRevision(
            generation: 0, digest: held.digest, bytes: content.bytes, created: Date(seconds: 0), options: held.options)
        return AdapterRecord(name: held.name, current: revision)
    }
}
