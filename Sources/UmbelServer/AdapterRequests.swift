internal import UmbelEngine
internal import UmbelFormats
internal import UmbelPOSIX
internal import UmbelRegistry

/// `{"name", "files": {"adapter.safetensors": "sha256:…", "adapter_config.json"?: "sha256:…"}, "labels"?}`: an adapter of
/// blobs that were uploaded before.
struct BlobAdapter {
    let name: String
    /// SHA-256 of the tensor file and of the settings.
    let tensors: String
    let config: String?
    let labels: [String: String]

    init(_ body: JSON) throws {
        let members = try body.members(named: "body", fields: ["name", "files", "labels"])
        guard !members.isEmpty, let name = body["name"] else { throw RequestError.missingField("name") }
        guard let text = name.string else { throw RequestError.invalidField(name: "name", expected: "a name") }
        self.name = text
        guard let files = body["files"] else { throw RequestError.missingField("files") }
        _ = try files.members(named: "files", fields: [AdapterContent.tensorFile, AdapterContent.configFile])
        guard let tensors = files[AdapterContent.tensorFile] else {
            throw RequestError.missingField("files.\(AdapterContent.tensorFile)")
        }
        self.tensors = try Self.digest(tensors, "files.\(AdapterContent.tensorFile)")
        config = try files[AdapterContent.configFile].map { try Self.digest($0, "files.\(AdapterContent.configFile)") }
        labels = try (body["labels"] ?? .object([])).labels(allowsNull: false).compactMapValues { $0 }
    }

    private static func digest(_ value: JSON, _ field: String) throws -> String {
        guard let digest = value.string.flatMap(BlobDigest.parse) else {
            throw RequestError.invalidField(name: field, expected: BlobDigest.description)
        }
        return digest
    }
}

/// `{"labels": {"team": "x", "old": null}}`
struct LabelChanges {
    let labels: [String: String?]

    init(_ body: JSON) throws {
        _ = try body.members(named: "body", fields: ["labels"])
        guard let labels = body["labels"] else { throw RequestError.missingField("labels") }
        self.labels = try labels.labels(allowsNull: true)
    }
}

/// `{}`, `{"generation": 3}` or `{"digest": "sha256:…"}`, or nothing at all.
struct RollbackRequest {
    let target: Engine.RollbackTarget

    init(_ body: JSON?) throws {
        guard let body else {
            target = .before
            return
        }
        let members = try body.members(named: "body", fields: ["generation", "digest"])
        guard members.count < 2 else {
            throw RequestError.invalidField(name: "digest", expected: "absent where “generation” says it all")
        }
        switch members.first {
        case nil: target = .before
        case let member? where member.name == "generation":
            guard let number = member.value.integer else {
                throw RequestError.invalidField(name: "generation", expected: "a whole number")
            }
            target = .generation(number)
        case let member?: target = .digest(prefix: try BlobDigest.prefix(member.value))
        }
    }
}

/// `{"digest": "sha256:<prefix or whole>"}`, or nothing for what the name points to now.
struct TagRequest {
    let digest: String?

    init(_ body: JSON?) throws {
        _ = try body?.members(named: "body", fields: ["digest"])
        digest = try body?["digest"].map(BlobDigest.prefix)
    }
}

/// A digest as it stands in a path or a body: "sha256:" and 64 lower-case hexadecimal digits.
enum BlobDigest {
    static let description = "sha256: and 64 lower-case hexadecimal digits"

    static func parse(_ text: String) -> String? {
        guard text.hasPrefix("sha256:") else { return nil }
        let digest = String(text.dropFirst("sha256:".count))
        return SHA256.isDigest(digest) ? digest : nil
    }

    /// 1 to 64 digits, with or without "sha256:", as the adapter object and a reference have it.
    static func prefix(_ value: JSON) throws -> String {
        let prefix = value.string.map { $0.hasPrefix("sha256:") ? String($0.dropFirst("sha256:".count)) : $0 }
        guard let prefix, ModelReference.Term.isDigestPrefix(prefix) else {
            throw RequestError.invalidField(name: "digest", expected: "1 to 64 lower-case hexadecimal digits")
        }
        return prefix
    }
}

extension JSON {
    /// The members of an object that has no other fields than these.
    fileprivate func members(named name: String, fields: [String]) throws -> [Member] {
        guard let members else { throw RequestError.invalidField(name: name, expected: "a JSON object") }
        for member in members where !fields.contains(member.name) {
            throw RequestError.unknownField(
                name: member.name, nearest: Spelling.nearest(to: member.name, among: fields))
        }
        return members
    }

    fileprivate func labels(allowsNull: Bool) throws -> [String: String?] {
        guard let members else {
            throw RequestError.invalidField(name: "labels", expected: "an object of names and texts")
        }
        var labels: [String: String?] = [:]
        for member in members {
            guard Name.isValid(member.name) else { throw EngineError.invalidName(member.name) }
            if allowsNull, member.value.isNull {
                labels.updateValue(nil, forKey: member.name)
            } else if let value = member.value.string, Label.isValue(value) {
                labels[member.name] = value
            } else {
                throw RequestError.invalidField(
                    name: "labels.\(member.name)", expected: "a text of at most \(Label.valueLimit) bytes")
            }
        }
        return labels
    }
}
