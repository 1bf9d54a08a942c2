internal import UmbelFormats
internal import UmbelNames
internal import UmbelPOSIX

/// Reads the few facts that matter from a base's JSON files.
struct BaseFactsReader {
    let folder: String
    /// Relative paths of the files that are there.
    let files: [String]

    func facts() throws(BaseError) -> BaseFacts {
        var facts = BaseFacts()
        if let adapter = try json("adapter_config.json") { facts.adapterType = adapter["peft_type"]?.string }
        if let index = try json("model_index.json") { facts.pipeline = Self.pipeline(index) }
        if let config = try json("config.json") {
            facts.className = config["_class_name"]?.string
            facts.architectures = config["architectures"]?.strings ?? []
            facts.modelType = config["model_type"]?.string
        }
        return facts
    }

    /// `[library, class]` entries; null means that the pipeline goes without that component.
    private static func pipeline(_ index: JSON) -> [BaseFacts.PipelineEntry] {
        (index.members ?? []).compactMap { member in
            guard let pair = member.value.strings, pair.count == 2 else { return nil }
            return .init(folder: member.name, className: pair[1])
        }
    }

    func heads() throws(BaseError) -> HeadCounts? {
        guard let config = try languageConfig(), let attention = config["num_attention_heads"]?.integer, attention > 0
        else { return nil }
        let size = config["head_dim"]?.integer ?? config["hidden_size"]?.integer.map { $0 / attention }
        guard let size else { return nil }
        return HeadCounts(
            attention: attention, keyValue: config["num_key_value_heads"]?.integer ?? attention, size: size)
    }

    /// Whether the output head is the embedding. Configurations leave the setting out where it has its class's default;
    /// then a model whose file holds no head ties it.
    func tiesEmbeddings(tensors: [BaseTensor]) throws(BaseError) -> Bool {
        guard let config = try json("config.json") else { return false }
        let nested = config["text_config"]?["tie_word_embeddings"]?.bool
        if let value = config["tie_word_embeddings"]?.bool ?? nested { return value }
        let heads = ["lm_head.weight", "embed_out.weight"]
        return !tensors.contains { tensor in heads.contains { tensor.name == $0 || tensor.name.hasSuffix("." + $0) } }
    }

    /// The part that describes the language model: multimodal models nest it.
    private func languageConfig() throws(BaseError) -> JSON? {
        guard let config = try json("config.json") else { return nil }
        return config["text_config"]?.members == nil ? config : config["text_config"]
    }

    private func json(_ path: String) throws(BaseError) -> JSON? {
        guard files.contains(path) else { return nil }
        return try Self.json(folder + "/" + path, as: path)
    }

    static func json(_ diskPath: String, as path: String) throws(BaseError) -> JSON {
        let file = try BaseLoader.wrap { () throws(SystemError) in try MappedFile(path: diskPath) }
        do {
            return try JSON(parsing: file.bytes)
        } catch {
            throw .json(path: path, error)
        }
    }
}
