package import UmbelFormats

/// An adapter as a server describes it.
package struct RemoteAdapter: Hashable, Sendable {
    /// How much of it found its place in a base.
    package struct Coverage: Hashable, Sendable {
        package let base: String
        package let matched: Int
        package let modules: Int
    }

    package struct Warning: Hashable, Sendable {
        package let code: String
        package let message: String
    }

    package let name: String
    /// `sha256:` and 64 hexadecimal digits.
    package let digest: String
    package let bytes: Int
    package let generation: Int
    /// RFC 3339, UTC.
    package let created: String
    /// Modules of each algorithm.
    package let algorithms: [(name: String, modules: Int)]
    package let tags: [String]
    package let labels: [(key: String, value: String)]
    package let bases: [Coverage]
    package let warnings: [Warning]
    /// All that the server said.
    package let json: JSON

    /// - Returns: nil without name, digest, size or generation. What else is missing, as from an older server, is empty.
    init?(_ json: JSON) {
        guard let name = json["name"]?.string, let digest = json["digest"]?.string,
            let bytes = json["bytes"]?.integer, let generation = json["generation"]?.integer
        else { return nil }
        self.json = json
        self.name = name
        self.digest = digest
        self.bytes = bytes
        self.generation = generation
        created = json["created"]?.string ?? ""
        algorithms = (json["algorithms"]?.members ?? []).map { ($0.name, $0.value.integer ?? 0) }
        tags = json["tags"]?.strings ?? []
        labels = (json["labels"]?.members ?? []).map { ($0.name, $0.value.string ?? $0.value.text) }
        bases = (json["bases"]?.array ?? []).compactMap { item in
            guard let base = item["base"]?.string, let matched = item["matched"]?.integer else { return nil }
            return Coverage(base: base, matched: matched, modules: item["modules"]?.integer ?? matched)
        }
        warnings = (json["warnings"]?.array ?? []).compactMap { item in
            item["code"]?.string.map { Warning(code: $0, message: item["message"]?.string ?? "") }
        }
    }

    package static func == (left: RemoteAdapter, right: RemoteAdapter) -> Bool { left.json == right.json }

    package func hash(into hasher: inout Hasher) { hasher.combine(json) }
}
