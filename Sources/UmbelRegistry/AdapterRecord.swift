/// What a name pointed to, from one moment on.
package struct AdapterRevision: Hashable, Sendable {
    /// How often the name had been given a content by then: 1 for the first.
    package let generation: Int
    package let digest: String
    /// Length of the tensor file.
    package let bytes: Int
    package let created: Date
    package let options: AdapterOptions
}

/// A name that stays with a content of an adapter while the adapter's own name moves on.
package struct AdapterTag: Hashable, Sendable {
    package let generation: Int
    package let changed: Date
}

/// A name and all that is kept of it.
package struct AdapterRecord: Hashable, Sendable {
    package let name: String
    package internal(set) var current: AdapterRevision
    /// What the name pointed to before, newest first: as many as are kept, and those that have a tag.
    package internal(set) var former: [AdapterRevision] = []
    /// By tag; each generation is that of `current` or of one in `former`.
    package internal(set) var tags: [String: AdapterTag] = [:]
    package internal(set) var labels: [String: String] = [:]

    package var digest: String { current.digest }
    package var bytes: Int { current.bytes }
    package var created: Date { current.created }
    package var generation: Int { current.generation }
    package var options: AdapterOptions { current.options }

    /// Newest first.
    package var revisions: [AdapterRevision] { [current] + former }

    package func revision(_ generation: Int) -> AdapterRevision? { revisions.first { $0.generation == generation } }

    /// What a tag stays with.
    package func revision(tagged tag: String) -> AdapterRevision? { tags[tag].flatMap { revision($0.generation) } }

    /// The kept revisions whose digest begins so, the newest of each digest, newest first.
    package func revisions(withDigest prefix: String) -> [AdapterRevision] {
        var seen: Set<String> = []
        return revisions.filter { $0.digest.hasPrefix(prefix) && seen.insert($0.digest).inserted }
    }

    /// The same name as if it pointed to one of its revisions.
    package func at(_ revision: AdapterRevision) -> AdapterRecord {
        var copy = self
        copy.current = revision
        return copy
    }

    /// What a rollback goes to if nothing else is said: the newest revision that is not what the name points to now.
    package var before: AdapterRevision? {
        former.first { $0.digest != digest || $0.options != options }
    }
}

extension AdapterRecord {
    /// The name pointed to a content.
    ///
    /// - Parameter kept: how many former revisions are kept, beside those with a tag.
    func pointed(to content: AdapterContent, options: AdapterOptions, at now: Date, keeping kept: Int) -> AdapterRecord
    {
        var copy = self
        copy.current = AdapterRevision(
            generation: generation + 1, digest: content.digest, bytes: content.bytes, created: now, options: options)
        copy.former = copy.retained([current] + former, kept)
        return copy
    }

    /// The name pointed to what one of its revisions has, with the options of that time.
    package func rolledBack(to revision: AdapterRevision, at now: Date, keeping kept: Int) -> AdapterRecord {
        if revision.digest == digest, revision.options == options { return self }
        var copy = self
        copy.current = AdapterRevision(
            generation: generation + 1, digest: revision.digest, bytes: revision.bytes, created: now,
            options: revision.options)
        copy.former = copy.retained([current] + former, kept)
        return copy
    }

    /// With labels set, and without those given as nil.
    package func labeled(_ changes: [String: String?]) -> AdapterRecord {
        var copy = self
        for (label, value) in changes { copy.labels[label] = value }
        return copy
    }

    /// With a tag for one of its revisions.
    package func tagged(_ tag: String, _ revision: AdapterRevision, at now: Date) -> AdapterRecord {
        var copy = self
        copy.tags[tag] = AdapterTag(generation: revision.generation, changed: now)
        return copy
    }

    /// Without the tag, and without what only the tag kept.
    package func untagged(_ tag: String, keeping kept: Int) -> AdapterRecord {
        var copy = self
        copy.tags[tag] = nil
        copy.former = copy.retained(former, kept)
        return copy
    }

    private func retained(_ revisions: [AdapterRevision], _ kept: Int) -> [AdapterRevision] {
        let tagged = Set(tags.values.map(\.generation))
        return revisions.enumerated().filter { $0.offset < kept || tagged.contains($0.element.generation) }.map(
            \.element)
    }
}
