/// What an adapter's name must be after the changes that were acknowledged: the rules of the registry, written down once
/// more and without a disk.
struct NameModel: Equatable {
    /// How many former contents the service is told to keep.
    static let history = 2

    struct Revision: Equatable {
        let generation: Int
        let digest: String
    }

    enum Change: Equatable {
        case put(digest: String)
        case remove
        case rollBack
        case tag(String)
        case untag(String)
    }

    /// Newest first; empty if the name does not exist.
    var revisions: [Revision] = []
    /// Generations by tag.
    var tags: [String: Int] = [:]

    /// The status with which the service acknowledges a change, and the name after it.
    func after(_ change: Change) -> (status: Int, model: NameModel) {
        guard let current = revisions.first else {
            guard case .put(let digest) = change else { return (404, self) }
            return (201, NameModel(revisions: [Revision(generation: 1, digest: digest)]))
        }
        var next = self
        switch change {
        case .put(let digest):
            if digest != current.digest { next.point(to: digest) }
            return (200, next)
        case .remove: return (204, NameModel())
        case .rollBack:
            guard let target = revisions.first(where: { $0.digest != current.digest }) else { return (409, self) }
            next.point(to: target.digest)
            return (200, next)
        case .tag(let tag):
            next.tags[tag] = current.generation
            if next != self { next.prune() }
            return (tags[tag] == nil ? 201 : 200, next)
        case .untag(let tag):
            guard tags[tag] != nil else { return (404, self) }
            next.tags[tag] = nil
            next.prune()
            return (204, next)
        }
    }

    private mutating func point(to digest: String) {
        revisions.insert(Revision(generation: revisions[0].generation + 1, digest: digest), at: 0)
        prune()
    }

    private mutating func prune() {
        let kept = revisions.enumerated().filter { offset, revision in
            offset <= Self.history || tags.values.contains(revision.generation)
        }
        revisions = kept.map(\.element)
    }
}
