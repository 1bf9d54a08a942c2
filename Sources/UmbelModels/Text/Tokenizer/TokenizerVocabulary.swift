internal import UmbelFormats

/// Tokens and merges of a byte-level byte pair encoding, read from a tokenizer's files.
struct TokenizerVocabulary: Sendable {
    /// Marks the tokens that end a word.
    static let wordEnd = "</w>"

    /// Token → id.
    let ids: [String: Int32]
    /// Pairs of tokens in the order in which they are merged.
    let merges: [(left: String, right: String)]

    init(ids: [String: Int32], merges: [(left: String, right: String)]) {
        self.ids = ids
        self.merges = merges
    }

    /// From `vocab.json` and `merges.txt`, or from `tokenizer.json` where they are missing.
    init(_ files: TokenizerFiles) throws(ModelError) {
        if let vocabulary = files.vocabulary, let merges = files.merges {
            ids = try Self.ids(try JSON(file: "vocab.json", vocabulary), file: "vocab.json")
            self.merges = try Self.merges(lines: merges)
        } else if let tokenizer = files.tokenizer {
            let model = try Self.model(try JSON(file: "tokenizer.json", tokenizer))
            ids = try Self.ids(model["vocab"] ?? .null, file: "tokenizer.json")
            merges = try Self.merges(model["merges"] ?? .null)
        } else {
            throw .missingFile(files.vocabulary == nil ? "vocab.json" : "merges.txt")
        }
    }

    /// The encoding of words of bytes.
    ///
    /// - Parameter unknown: stands for a byte that the vocabulary has no token for.
    func encoder(unknown: Int32) throws(ModelError) -> BytePairEncoder {
        var ranked: [BytePairEncoder.Pair: BytePairEncoder.Merge] = [:]
        for (rank, merge) in merges.enumerated() {
            let pair = BytePairEncoder.Pair(left: try id(merge.left), right: try id(merge.right))
            ranked[pair] = BytePairEncoder.Merge(rank: Int32(rank), token: try id(merge.left + merge.right))
        }
        let characters = ByteAlphabet.scalars.map(String.init)
        return BytePairEncoder(
            inner: characters.map { ids[$0] ?? unknown }, last: characters.map { ids[$0 + Self.wordEnd] ?? unknown },
            merges: ranked)
    }

    private func id(_ token: String) throws(ModelError) -> Int32 {
        guard let id = ids[token] else { throw .malformed(file: "merges.txt", reason: "\(token) has no id") }
        return id
    }

    private static func model(_ tokenizer: JSON) throws(ModelError) -> JSON {
        let model = tokenizer["model"] ?? .null
        let kind = model["type"]?.string ?? "BPE"
        guard kind == "BPE" else { throw .unsupported(setting: "tokenizer.json model.type", value: kind) }
        let end = model["end_of_word_suffix"]?.string ?? ""
        guard end == wordEnd else { throw .unsupported(setting: "tokenizer.json model.end_of_word_suffix", value: end) }
        return model
    }

    /// The ids of an object of tokens.
    static func ids(_ object: JSON, file: String) throws(ModelError) -> [String: Int32] {
        guard let members = object.members else { throw .malformed(file: file, reason: "no object of tokens") }
        var ids: [String: Int32] = [:]
        for member in members {
            guard let id = member.value.integer.flatMap(Int32.init(exactly:)), id >= 0 else {
                throw .malformed(file: file, reason: "id of \(member.name)")
            }
            ids[member.name] = id
        }
        return ids
    }

    /// One pair a line, after an optional `#version` line.
    static func merges(lines file: [UInt8]) throws(ModelError) -> [(left: String, right: String)] {
        var merges: [(left: String, right: String)] = []
        for (number, line) in file.split(omittingEmptySubsequences: false, whereSeparator: { $0 == 10 }).enumerated() {
            let text = String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
            if text.isEmpty || text.hasPrefix("#version") { continue }
            guard let pair = pair(text) else { throw .malformed(file: "merges.txt", reason: "line \(number + 1)") }
            merges.append(pair)
        }
        return merges
    }

    /// Pairs as texts with a space between, or as lists of two.
    private static func merges(_ list: JSON) throws(ModelError) -> [(left: String, right: String)] {
        guard let list = list.array else { throw .malformed(file: "tokenizer.json", reason: "model.merges") }
        var merges: [(left: String, right: String)] = []
        for (index, entry) in list.enumerated() {
            if let parts = entry.strings, parts.count == 2 {
                merges.append((parts[0], parts[1]))
            } else if let pair = entry.string.flatMap(pair) {
                merges.append(pair)
            } else {
                throw .malformed(file: "tokenizer.json", reason: "model.merges[\(index)]")
            }
        }
        return merges
    }

    private static func pair(_ text: String) -> (left: String, right: String)? {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    }
}

extension JSON {
    /// Parses a file of a model.
    init(file: String, _ bytes: [UInt8]) throws(ModelError) {
        do {
            self = try JSON(parsing: bytes)
        } catch {
            throw .malformed(file: file, reason: "\(error)")
        }
    }
}
