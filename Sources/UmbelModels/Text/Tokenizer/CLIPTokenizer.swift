internal import UmbelFormats
internal import UmbelPOSIX

/// CLIP's tokenizer (Radford et al. 2021): normalized words in byte pair encoding, whose last token carries `</w>`.
///
/// Gives the ids of `transformers`' CLIPTokenizer for every text. Tokens that were added to the vocabulary, the special ones
/// among them, are found in the text before it is cut into words.
package struct CLIPTokenizer: Sendable {
    /// Stands before every text, and after it.
    package let beginToken: Int32
    package let endToken: Int32
    /// Fills the places after the end: Stable Diffusion 1 takes the end token, Stable Diffusion 2 and the second tokenizer of
    /// SDXL "!", whose id is 0.
    package let padToken: Int32
    /// Stands for what the vocabulary does not have.
    package let unknownToken: Int32
    /// The token of a comma that is a word; nil if there is none.
    package let commaToken: Int32?
    /// Tokens that a text model takes, begin and end among them; nil where the configuration does not say.
    package let maximumLength: Int?
    /// One more than the largest id.
    package let vocabularySize: Int
    /// Of the tokenizer that is built in.
    package static let builtInSize = TokenizerVocabulary.clipSize

    private let encoder: BytePairEncoder
    private let added: [SpecialTokens.Added]
    private let asWritten: PatternSplitter
    private let asNormalized: PatternSplitter
    private let spellings: [Int32: TokenSpelling]

    /// - Throws: for a file that is missing, damaged, or of a tokenizer that is not CLIP's.
    package init(_ files: TokenizerFiles) throws(ModelError) {
        try self.init(TokenizerVocabulary(files), files)
    }

    /// CLIP's own tokenizer, which is built in: 49,408 tokens, texts of 77.
    ///
    /// - Parameter padToken: "<|endoftext|>", or "!" as Stable Diffusion 2 has it and the second encoder of SDXL.
    /// - Throws: for a pad token that is none, or a program that is damaged.
    package init(builtInWithPadding padToken: String) throws(ModelError) {
        let configuration: JSON = ["model_max_length": 77, "pad_token": .string(padToken)]
        var files = TokenizerFiles()
        files.configuration = Array(configuration.text.utf8)
        try self.init(TokenizerVocabulary.clip(), files)
    }

    /// - Parameter files: what they say of special and added tokens.
    private init(_ vocabulary: TokenizerVocabulary, _ files: TokenizerFiles) throws(ModelError) {
        let special = try SpecialTokens(files, ids: vocabulary.ids)
        let ids = vocabulary.ids.merging(special.added.map { ($0.pattern.content, $0.id) }) { $1 }
        beginToken = try Self.id(special.begin, ids)
        endToken = try Self.id(special.end, ids)
        padToken = try Self.id(special.pad, ids)
        unknownToken = try Self.id(special.unknown, ids)
        commaToken = ids["," + TokenizerVocabulary.wordEnd]
        maximumLength = special.maximumLength
        vocabularySize = Int(ids.values.max() ?? 0) + 1
        encoder = try vocabulary.encoder(unknown: unknownToken)
        added = special.added
        let patterns = added.map(\.pattern)
        asWritten = PatternSplitter(patterns) { !$0.isNormalized }
        asNormalized = PatternSplitter(patterns) { $0.isNormalized }
        spellings = TokenSpelling.table(ids: vocabulary.ids, added: added)
    }

    /// Reads the files of a folder.
    package init(folder: String) throws(ModelError) {
        let files: TokenizerFiles
        do {
            files = try TokenizerFiles(folder: folder)
        } catch {
            throw .malformed(file: error.subject, reason: error.message)
        }
        try self.init(files)
    }

    private static func id(_ token: String, _ ids: [String: Int32]) throws(ModelError) -> Int32 {
        guard let id = ids[token] else { throw .malformed(file: "vocab.json", reason: "no \(token)") }
        return id
    }

    /// The tokens of a text, without begin and end.
    package func tokens(of text: String) -> [Int32] {
        stretches(of: text).flatMap { stretch in
            switch stretch {
            case .token(let token): [token]
            case .normalized(let text): tokens(ofNormalized: text)
            }
        }
    }

    /// A part of a text: a token that was found in it as it was written, or what lies between.
    enum Stretch {
        case token(Int32)
        case normalized([Unicode.Scalar])
    }

    func stretches(of text: String) -> [Stretch] {
        asWritten.pieces(of: Array(text.unicodeScalars)).map { piece in
            switch piece {
            case .pattern(let index): .token(added[index].id)
            case .text(let text): .normalized(CLIPWords.normalized(text))
            }
        }
    }

    func tokens(ofNormalized text: [Unicode.Scalar]) -> [Int32] {
        asNormalized.pieces(of: text).flatMap { piece in
            switch piece {
            case .pattern(let index): [added[index].id]
            case .text(let text): CLIPWords.words(in: text).flatMap(encoder.tokens(of:))
            }
        }
    }

    /// The tokens of a text as a text model takes them: begin, as many as fit, end, then padding.
    ///
    /// - Parameter length: tokens in all; fewer than 2 count as 2.
    package func paddedTokens(of text: String, length: Int) -> [Int32] {
        let tokens = [beginToken] + tokens(of: text).prefix(max(0, length - 2)) + [endToken]
        return tokens + Array(repeating: padToken, count: max(0, length - tokens.count))
    }

    /// The text of tokens: normalized, a space between words, without the special and the added tokens. Bytes that are no
    /// UTF-8 become U+FFFD.
    package func text(of tokens: [Int32]) -> String {
        var bytes: [UInt8] = []
        for spelling in tokens.compactMap({ spellings[$0] }) {
            bytes += spelling.bytes
            if spelling.endsWord { bytes.append(UInt8(ascii: " ")) }
        }
        if bytes.last == UInt8(ascii: " ") { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// What a token stands for.
private struct TokenSpelling: Sendable {
    let bytes: [UInt8]
    let endsWord: Bool

    /// Of all tokens but the added ones.
    static func table(ids: [String: Int32], added: [SpecialTokens.Added]) -> [Int32: TokenSpelling] {
        let special = Set(added.map(\.id))
        var table: [Int32: TokenSpelling] = [:]
        for (token, id) in ids where !special.contains(id) {
            let endsWord = token.hasSuffix(TokenizerVocabulary.wordEnd)
            let letters = endsWord ? token.dropLast(TokenizerVocabulary.wordEnd.count) : token[...]
            if let bytes = ByteAlphabet.bytes(of: letters) {
                table[id] = TokenSpelling(bytes: bytes, endsWord: endsWord)
            }
        }
        return table
    }
}
