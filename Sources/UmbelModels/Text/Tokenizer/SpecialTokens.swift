internal import UmbelFormats

/// The tokens that a tokenizer's configuration names, and those added to its vocabulary.
///
/// As `transformers` reads them: `added_tokens_decoder` of the configuration says all; where it is missing,
/// `special_tokens_map.json` overrides the configuration's names, and `added_tokens.json` and `tokenizer.json` list what was
/// added. `do_lower_case` changes nothing: CLIP's tokenizer always lowers the case.
struct SpecialTokens: Sendable {
    struct Added: Hashable, Sendable {
        let pattern: TextPattern
        let id: Int32
    }

    let begin: String
    let end: String
    let pad: String
    let unknown: String
    /// Positions of the text model; nil where the configuration does not say.
    let maximumLength: Int?
    /// The named ones are among them.
    let added: [Added]

    init(_ files: TokenizerFiles, ids: [String: Int32]) throws(ModelError) {
        let configuration = try Self.json("tokenizer_config.json", files.configuration)
        let decoder = configuration["added_tokens_decoder"]?.members
        let map = decoder == nil ? try Self.json("special_tokens_map.json", files.specialTokens) : .null
        var found: [Added]
        if let decoder {
            found = try Self.added(decoder: decoder)
        } else {
            found = try Self.added(files)
        }
        var names: [String: String] = [:]
        for (key, usual) in Self.usual {
            let token = Self.token(map[key]) ?? Self.token(configuration[key]) ?? TextPattern(usual)
            names[key] = token.content
            if found.contains(where: { $0.pattern.content == token.content }) { continue }
            guard let id = ids[token.content] else {
                throw .malformed(file: "vocab.json", reason: "no \(token.content)")
            }
            found.append(Added(pattern: token, id: id))
        }
        begin = names["bos_token"] ?? ""
        end = names["eos_token"] ?? ""
        pad = names["pad_token"] ?? ""
        unknown = names["unk_token"] ?? ""
        maximumLength = configuration["model_max_length"]?.integer.flatMap { $0 >= 2 && $0 <= 1 << 20 ? $0 : nil }
        added = found
    }

    /// What CLIP's tokenizer takes where a configuration is silent.
    private static let usual = [
        ("bos_token", "<|startoftext|>"), ("eos_token", "<|endoftext|>"), ("pad_token", "<|endoftext|>"),
        ("unk_token", "<|endoftext|>"),
    ]

    private static func json(_ file: String, _ bytes: [UInt8]?) throws(ModelError) -> JSON {
        guard let bytes else { return .null }
        return try JSON(file: file, bytes)
    }

    /// A name, or an object that also says how it is matched.
    private static func token(_ value: JSON?) -> TextPattern? {
        if let name = value?.string, !name.isEmpty { return TextPattern(name) }
        guard let value, let content = value["content"]?.string, !content.isEmpty else { return nil }
        return TextPattern(
            content, isNormalized: value["normalized"]?.bool ?? false, startsWord: value["single_word"]?.bool ?? false,
            endsWord: value["single_word"]?.bool ?? false, stripsBefore: value["lstrip"]?.bool ?? false,
            stripsAfter: value["rstrip"]?.bool ?? false)
    }

    private static func added(decoder: [JSON.Member]) throws(ModelError) -> [Added] {
        var added: [Added] = []
        for member in decoder {
            guard let id = Int32(member.name), id >= 0, let pattern = token(member.value) else {
                throw .malformed(file: "tokenizer_config.json", reason: "added_tokens_decoder.\(member.name)")
            }
            added.append(Added(pattern: pattern, id: id))
        }
        return added
    }

    private static func added(_ files: TokenizerFiles) throws(ModelError) -> [Added] {
        var added: [Added] = []
        if let bytes = files.addedTokens {
            let ids = try TokenizerVocabulary.ids(try JSON(file: "added_tokens.json", bytes), file: "added_tokens.json")
            added = ids.sorted { $0.value < $1.value }
                .filter { !$0.key.isEmpty }
                .map { Added(pattern: TextPattern($0.key, isNormalized: true), id: $0.value) }
        }
        for entry in try json("tokenizer.json", files.tokenizer)["added_tokens"]?.array ?? [] {
            guard let id = entry["id"]?.integer.flatMap(Int32.init(exactly:)), id >= 0, let pattern = token(entry)
            else { throw .malformed(file: "tokenizer.json", reason: "added_tokens") }
            added.removeAll { $0.pattern.content == pattern.content }
            added.append(Added(pattern: pattern, id: id))
        }
        return added
    }
}
