package import UmbelPOSIX

/// What is known of each path of a watched folder: a value that decides when one is to be taken in. Whoever looks at the
/// folder says what is there and what came of it.
package struct WatchList: Sendable {
    /// What came of a path.
    package enum Outcome: Sendable {
        /// Its name points to it since.
        case added(name: String, digest: String)
        /// Its name pointed to it already, or it was taken in before.
        case unchanged(name: String, digest: String)
        case refused(EngineError)

        /// Not the file's fault: it is tried again.
        var isPassing: Bool {
            switch self {
            case .refused(.system), .refused(.registry): true
            default: false
            }
        }
    }

    /// Sizes and times of the files behind a path: the same twice means that nobody writes them any more.
    package typealias Stamp = [OpenFolder.Entry]

    private struct Entry {
        var seen: Stamp
        /// What was there when the outcome came.
        var judged: (stamp: Stamp, outcome: Outcome)?
    }

    private var entries: [String: Entry] = [:]

    package init() {}

    /// One look at the folder.
    ///
    /// - Returns: the paths to be taken in now, in order: they are as they were at the last look, and not judged yet.
    package mutating func look(_ listing: [String: Stamp]) -> [String] {
        entries = entries.filter { listing[$0.key] != nil }
        var ready: [String] = []
        for (path, stamp) in listing {
            guard let entry = entries[path], entry.seen == stamp else {
                entries[path] = Entry(seen: stamp, judged: entries[path]?.judged)
                continue
            }
            if entry.judged?.stamp != stamp || entry.judged?.outcome.isPassing == true { ready.append(path) }
        }
        return ready.sorted()
    }

    package mutating func judge(_ path: String, _ outcome: Outcome) {
        guard let stamp = entries[path]?.seen else { return }
        entries[path]?.judged = (stamp, outcome)
    }

    /// Every path that is there, in order, with what came of it; nil while it waits to be taken in.
    package var all: [(path: String, outcome: Outcome?)] {
        entries.sorted { $0.key < $1.key }.map { path, entry in
            (path, entry.judged?.stamp == entry.seen ? entry.judged?.outcome : nil)
        }
    }
}
