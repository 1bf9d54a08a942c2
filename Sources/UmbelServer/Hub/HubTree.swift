internal import UmbelFormats
internal import UmbelHTTP

/// The list of a snapshot's files and folders, whole or one page of it.
struct HubTree {
    enum Entry {
        case file(HubSnapshot.File)
        case folder(String)

        var path: String {
            switch self {
            case .file(let file): file.path
            case .folder(let path): path
            }
        }

        var json: JSON {
            switch self {
            case .file(let file): HubView.file(file)
            case .folder(let path):
                ["type": "directory", "path": .string(path), "oid": .string(HubView.noDigest), "size": 0]
            }
        }
    }

    /// Sorted by path.
    let entries: [Entry]

    /// - Parameters:
    ///   - folder: path without a final slash; empty for the whole.
    ///   - isRecursive: with all that is below, not only what is directly inside.
    /// - Returns: nil if there is no such folder.
    init?(_ snapshot: HubSnapshot, below folder: String, isRecursive: Bool) {
        let prefix = folder.isEmpty ? "" : folder + "/"
        var entries: [Entry] = []
        var folders: Set<String> = []
        for file in snapshot.files where file.path.hasPrefix(prefix) {
            let parts = file.path.dropFirst(prefix.count).split(separator: "/")
            for depth in 1..<max(1, parts.count) where isRecursive || depth == 1 {
                let path = prefix + parts[..<depth].joined(separator: "/")
                if folders.insert(path).inserted { entries.append(.folder(path)) }
            }
            if isRecursive || parts.count == 1 { entries.append(.file(file)) }
        }
        guard folder.isEmpty || !entries.isEmpty else { return nil }
        self.entries = entries.sorted { $0.path < $1.path }
    }

    /// Entries behind a cursor, and the cursor of the next page.
    func page(after cursor: String, limit: Int) -> (entries: [Entry], next: String?) {
        let rest = entries.drop { !cursor.isEmpty && $0.path <= cursor }
        return (Array(rest.prefix(limit)), rest.count > limit ? rest.prefix(limit).last?.path : nil)
    }
}

/// Snapshots as JSON, with the field names of the Hub's own interface.
enum HubView {
    /// Where a Git object id is expected and there is none.
    static let noDigest = String(repeating: "0", count: 40)

    static func file(_ file: HubSnapshot.File) -> JSON {
        .object(
            [
                .init("type", "file"), .init("path", .string(file.path)), .init("size", JSON(file.bytes)),
                .init("oid", .string(objectID(file))),
            ] + large(file))
    }

    /// Model information.
    static func model(_ snapshot: HubSnapshot) -> JSON {
        [
            "_id": .string(snapshot.commit), "id": .string(snapshot.repository),
            "modelId": .string(snapshot.repository), "sha": .string(snapshot.commit), "private": false, "gated": false,
            "disabled": false, "downloads": 0, "likes": 0, "tags": .array([]),
            "siblings": .array(
                snapshot.files.map { file in
                    .object(
                        [
                            .init("rfilename", .string(file.path)), .init("size", JSON(file.bytes)),
                            .init("blobId", .string(objectID(file))),
                        ] + large(file))
                }),
        ]
    }

    /// 40 digits; the entity tag, unless that is a SHA-256.
    private static func objectID(_ file: HubSnapshot.File) -> String { String(file.entityTag.prefix(40)) }

    /// Clients check files that have an `lfs` entry against its SHA-256, so one is only told where it is known.
    private static func large(_ file: HubSnapshot.File) -> [JSON.Member] {
        guard let sha256 = file.sha256 else { return [] }
        // As long as the pointer file that Git LFS would keep: "version …\noid sha256:…\nsize …\n".
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:\(sha256)\nsize \(file.bytes)\n"
        return [
            .init(
                "lfs",
                [
                    "oid": .string(sha256), "sha256": .string(sha256), "size": JSON(file.bytes),
                    "pointerSize": JSON(pointer.utf8.count),
                ])
        ]
    }
}
