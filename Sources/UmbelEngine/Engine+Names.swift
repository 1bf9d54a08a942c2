package import UmbelRegistry

/// What can be done with a name beside pointing it to new content. Each `check` is asked with the name's present record
/// while nothing else changes, and throws to refuse.
extension Engine {
    /// Which former content a rollback goes to.
    package enum RollbackTarget: Hashable, Sendable {
        /// The newest one that is not what the name points to.
        case before
        case generation(Int)
        /// The newest of that digest.
        case digest(prefix: String)
    }

    /// Points a name to a content that it had. That is a new generation, unless it points there already.
    package func rollBack(
        _ name: String, to target: RollbackTarget, check: (AdapterRecord) throws(EngineError) -> Void
    ) throws(EngineError) -> AdapterRecord {
        let kept = adapters.settings.history
        let result = try update(name) { record throws(EngineError) in
            try check(record)
            let revision = try Self.revision(target, of: record)
            return record.rolledBack(to: revision, at: .now, keeping: kept)
        }
        return result.new ?? result.old
    }

    private static func revision(
        _ target: RollbackTarget, of record: AdapterRecord
    ) throws(EngineError) -> AdapterRevision {
        switch target {
        case .before:
            guard let before = record.before else { throw .registry(.nothingBefore(name: record.name)) }
            return before
        case .generation(let number):
            guard let revision = record.revision(number) else {
                throw .registry(.unknownRevision(name: record.name, "generation \(number)"))
            }
            return revision
        case .digest(let prefix): return try revision(withDigest: prefix, of: record)
        }
    }

    private static func revision(
        withDigest prefix: String, of record: AdapterRecord
    ) throws(EngineError) -> AdapterRevision {
        let found = record.revisions(withDigest: prefix)
        guard found.count < 2 else { throw .ambiguousDigest(adapter: record.name, prefix: prefix) }
        guard let revision = found.first else {
            throw .registry(.unknownRevision(name: record.name, "sha256:\(prefix)"))
        }
        return revision
    }

    /// Has a tag stay with a content of a name.
    ///
    /// - Parameter digest: prefix of one that the name has or had; nil for what it points to now.
    /// - Returns: the new record, and whether the tag is new.
    package func setTag(
        _ tag: String, of name: String, digest: String?, check: (AdapterRecord) throws(EngineError) -> Void
    ) throws(EngineError) -> (record: AdapterRecord, isNew: Bool) {
        guard Name.isTag(tag) else { throw .invalidTag(tag) }
        let result = try update(name) { record throws(EngineError) in
            try check(record)
            let revision = try digest.map { prefix throws(EngineError) in
                try Self.revision(withDigest: prefix, of: record)
            }
            let target = revision ?? record.current
            return record.tags[tag]?.generation == target.generation ? record : record.tagged(tag, target, at: .now)
        }
        return (result.new ?? result.old, result.old.tags[tag] == nil)
    }

    /// Takes a tag away, and with it what only the tag kept.
    package func removeTag(
        _ tag: String, of name: String, check: (AdapterRecord) throws(EngineError) -> Void
    ) throws(EngineError) {
        let kept = adapters.settings.history
        try update(name) { record throws(EngineError) in
            guard record.tags[tag] != nil else {
                throw .registry(.unknownTag(name: name, tag: tag, known: record.tags.keys.sorted()))
            }
            try check(record)
            return record.untagged(tag, keeping: kept)
        }
    }

    /// Sets labels, and takes away those that are given as nil. Others stay.
    package func setLabels(
        _ labels: [String: String?], of name: String, check: (AdapterRecord) throws(EngineError) -> Void
    ) throws(EngineError) -> AdapterRecord {
        let result = try update(name) { record throws(EngineError) in
            try check(record)
            let changed = record.labeled(labels)
            guard changed.labels.count <= Label.countLimit else { throw .tooManyLabels(limit: Label.countLimit) }
            return changed
        }
        return result.new ?? result.old
    }
}

/// What somebody keeps with a name, as `team:x`.
package enum Label {
    /// Of one adapter.
    package static let countLimit = 64
    /// Longest value in bytes.
    package static let valueLimit = 256

    /// A name, a colon and a value, which may be empty and may hold further colons.
    ///
    /// - Returns: nil if it is none.
    package static func parse(_ text: String) -> (name: String, value: String)? {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let name = String(text[..<colon])
        let value = String(text[text.index(after: colon)...])
        return Name.isValid(name) && isValue(value) ? (name, value) : nil
    }

    /// Any text without control characters, up to `valueLimit` bytes.
    package static func isValue(_ text: String) -> Bool {
        text.utf8.count <= valueLimit && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
}
