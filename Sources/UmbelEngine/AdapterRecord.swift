internal import UmbelFormats

/// What is stored of an adapter under its name.
package struct AdapterRecord: Hashable, Sendable {
    package let name: String
    /// SHA-256 of the content, 64 hexadecimal digits: of the tensor file, or with settings of both files.
    package let digest: String
    package let bytes: Int
    package let created: Date
    /// How often the name was given a content.
    package let generation: Int
    package let options: AdapterOptions
}

/// What a caller settled or allowed when an adapter was uploaded.
package struct AdapterOptions: Hashable, Sendable {
    /// What prefixes of the file's names stand for.
    package var prefixes: [Prefix] = []
    /// A part of the adapter may find no place in the base.
    package var allowsUnmatched = false
    /// The base it must fit; nil for the one it fits best.
    package var base: String?
    /// Stored without being checked against any base.
    package var isWithoutBase = false

    package init() {}
}

extension AdapterRecord {
    var json: JSON {
        [
            "version": 1, "name": JSON(name), "digest": JSON(digest), "bytes": JSON(bytes),
            "created": JSON(created.seconds), "generation": JSON(generation),
            "prefixes": JSON(options.prefixes.map(\.text)), "allow_unmatched": .bool(options.allowsUnmatched),
            "base": JSON(options.base), "without_base": .bool(options.isWithoutBase),
        ]
    }

    /// - Returns: nil if a field is missing or of the wrong type.
    init?(_ json: JSON) {
        guard json["version"]?.integer == 1, let name = json["name"]?.string, let digest = json["digest"]?.string,
            let bytes = json["bytes"]?.integer, let created = json["created"]?.integer,
            let generation = json["generation"]?.integer, let prefixes = json["prefixes"]?.strings
        else { return nil }
        var options = AdapterOptions()
        options.prefixes = prefixes.compactMap(Prefix.init)
        options.allowsUnmatched = json["allow_unmatched"]?.bool ?? false
        options.base = json["base"]?.string
        options.isWithoutBase = json["without_base"]?.bool ?? false
        self.init(
            name: name, digest: digest, bytes: bytes, created: Date(seconds: created), generation: generation,
            options: options)
    }
}
