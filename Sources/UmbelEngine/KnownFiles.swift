internal import Synchronization
internal import UmbelFormats
internal import UmbelPOSIX

/// What earlier starts found in the files of bases, by the files' identity, so that no file is read twice for it.
///
/// Kept as JSON with a SHA-256 of its own. A list that is damaged, or missing, is no list: files are read anew. An entry
/// counts only for a file of the same path, device, inode, length and times, and is made only of one that was on the disk before
/// and after it was read (`MappedFile.isSettled`).
package final class KnownFiles: Sendable {
    private struct Entry: Hashable {
        let identity: FileIdentity
        let sha256: String
        /// Whether all numbers of the file were checked and are finite.
        let isFinite: Bool
    }

    private struct State {
        /// By the absolute path.
        var entries: [String: Entry] = [:]
        var isChanged = false
    }

    private let path: String
    private let state: Mutex<State>
    /// Held while the list is written, so that a later one is never replaced by an earlier.
    private let writing = Mutex(())
    /// Entries beyond, of files that no base of this start has, are forgotten.
    private static let limit = 4096

    /// - Parameter path: of the list; there need be none.
    package init(path: String) {
        self.path = path
        Self.removeLeftovers(of: path)
        state = Mutex(State(entries: Self.read(path)))
    }

    // MARK: Entries

    func findings(of file: BaseModel.File) -> FileFindings? {
        guard let identity = file.mapping.identity,
            let entry = state.withLock({ $0.entries[Self.key(file)] }), entry.identity == identity,
            entry.isFinite || !file.isWeights
        else { return nil }
        return FileFindings(sha256: entry.sha256, flaw: nil)
    }

    /// - Parameter findings: of the file as it was when it was mapped, or later: then its identity is gone with its content.
    func note(_ findings: FileFindings, of file: BaseModel.File) {
        guard let identity = file.mapping.identity else { return }
        let isFinite = file.isChecked && findings.flaw == nil
        state.withLock { state in
            state.entries[Self.key(file)] = Entry(identity: identity, sha256: findings.sha256, isFinite: isFinite)
            state.isChanged = true
        }
    }

    private static func key(_ file: BaseModel.File) -> String {
        Directory.resolved(file.mapping.path) ?? file.mapping.path
    }

    // MARK: The list on disk

    /// Writes what was noted since the last time.
    func save() throws(SystemError) {
        try writing.withLock { _ in Result { () throws(SystemError) in try write() } }.get()
    }

    /// What a crash left of a list that was being written.
    private static func removeLeftovers(of path: String) {
        let folder = Directory.parent(of: path)
        let beginning = Directory.name(of: path) + "."
        // A folder that cannot be listed holds no list either.
        for name in (try? Directory.names(in: folder)) ?? [] where name.hasPrefix(beginning) {
            try? Directory.removeFile(folder + "/" + name)
        }
    }

    private func write() throws(SystemError) {
        let text = state.withLock { state -> String? in
            guard state.isChanged else { return nil }
            state.isChanged = false
            if state.entries.count > Self.limit { state.entries = state.entries.filter { Directory.isFile($0.key) } }
            return Self.text(state.entries)
        }
        guard let text else { return }
        do throws(SystemError) {
            try AtomicFile.write(text.utf8, to: path)
        } catch {
            state.withLock { $0.isChanged = true }
            throw error
        }
    }

    private static func text(_ entries: [String: Entry]) -> String {
        let files = entries.sorted { $0.key < $1.key }.map { path, entry -> JSON in
            [
                "path": JSON(path), "device": JSON(entry.identity.device), "inode": JSON(entry.identity.inode),
                "bytes": JSON(entry.identity.bytes), "modified": JSON(entry.identity.modified),
                "changed": JSON(entry.identity.changed), "sha256": JSON(entry.sha256), "finite": .bool(entry.isFinite),
            ]
        }
        let list = JSON.array(files)
        return JSON.object([.init("checksum", JSON(SHA256.hex(of: list.text))), .init("files", list)]).prettyText
    }

    private static func read(_ path: String) -> [String: Entry] {
        // Whatever is wrong with it, the files themselves tell.
        guard let file = try? MappedFile(path: path), let json = try? JSON(parsing: file.bytes),
            let list = json["files"],
            json["checksum"]?.string == SHA256.hex(of: list.text)
        else { return [:] }
        let entries = (list.array ?? []).compactMap { item in entry(item).map { (item["path"]?.string ?? "", $0) } }
        return Dictionary(entries, uniquingKeysWith: { first, _ in first })
    }

    private static func entry(_ item: JSON) -> Entry? {
        guard let device = item["device"]?.integer, let inode = item["inode"]?.integer,
            let bytes = item["bytes"]?.integer, let modified = item["modified"]?.integer,
            let changed = item["changed"]?.integer, let sha256 = item["sha256"]?.string, SHA256.isDigest(sha256)
        else { return nil }
        let identity = FileIdentity(device: device, inode: inode, bytes: bytes, modified: modified, changed: changed)
        return Entry(identity: identity, sha256: sha256, isFinite: item["finite"]?.bool ?? false)
    }
}

extension BaseModel.File {
    var mapping: MappedFile {
        switch content {
        case .weights(let weights, _): weights.mapping
        case .other(let mapping): mapping
        }
    }

    fileprivate var isWeights: Bool {
        if case .weights = content { true } else { false }
    }

    /// Is every tensor of the file a part of the model, so that reading it checks all of them?
    fileprivate var isChecked: Bool {
        if case .weights(_, let tensors) = content { !tensors.contains(nil) } else { true }
    }
}
