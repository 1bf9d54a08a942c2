internal import UmbelFormats
internal import UmbelPOSIX

/// The bytes that a name can point to: a tensor file, for PEFT with its settings. Two contents may share a file.
package struct AdapterContent: Hashable, Sendable {
    /// SHA-256 of the tensor file, or with settings of the list of both files; 64 hexadecimal digits.
    package let digest: String
    /// SHA-256 of the tensor file, which is its name below `blobs/`.
    package let tensors: String
    /// SHA-256 of `adapter_config.json`, if there is one.
    package let config: String?
    /// Length of the tensor file.
    package let bytes: Int
    /// What is known of the textual inversions in a content that is nothing else, so that it is known of an unreadable one
    /// too; nil for any other content, and for one of which this has not been noted yet.
    package internal(set) var embeddings: [EmbeddingFacts]?

    package static let tensorFile = "adapter.safetensors"
    package static let configFile = "adapter_config.json"

    /// - Parameters:
    ///   - tensors: SHA-256 of the tensor file.
    ///   - config: SHA-256 of the settings, if there are any.
    ///   - bytes: length of the tensor file.
    package init(tensors: String, config: String?, bytes: Int) {
        self.tensors = tensors
        self.config = config
        self.bytes = bytes
        digest =
            config.map { SHA256.hex(of: "\($0)  \(Self.configFile)\n\(tensors)  \(Self.tensorFile)\n") } ?? tensors
    }

    /// Names of its files below `blobs/`.
    var blobs: [String] { [tensors] + (config.map { [$0] } ?? []) }
}

/// What is kept of a textual inversion beside its file.
package struct EmbeddingFacts: Hashable, Sendable {
    /// What prompts say, apart from the name of the adapter.
    package let words: [String]
    package let vectors: Int
    /// Numbers of a vector for each text encoder.
    package let widths: [Int]

    package init(words: [String], vectors: Int, widths: [Int]) {
        (self.words, self.vectors, self.widths) = (words, vectors, widths)
    }
}

extension EmbeddingFacts {
    var json: JSON {
        ["words": JSON(words), "vectors": JSON(vectors), "widths": .array(widths.map { JSON($0) })]
    }

    /// - Returns: nil for what `json` does not write.
    init?(_ json: JSON) {
        guard let words = json["words"]?.strings, let vectors = json["vectors"]?.integer,
            let widths = json["widths"]?.array?.compactMap(\.integer)
        else { return nil }
        self.init(words: words, vectors: vectors, widths: widths)
    }
}
