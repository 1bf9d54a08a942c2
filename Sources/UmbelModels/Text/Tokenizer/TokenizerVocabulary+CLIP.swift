internal import CUmbelVocabulary

extension TokenizerVocabulary {
    /// CLIP's own vocabulary, which is built in (Radford et al. 2021): a token for each byte, the same at the end of a word, what
    /// each merge makes, and the two marks around a text.
    ///
    /// Bytes that are printable have the first ids, in their order; that is the order of the characters that stand for them.
    ///
    /// - Throws: if what is built in cannot be unpacked.
    static func clip() throws(ModelError) -> TokenizerVocabulary {
        let merges = try merges(lines: clipMerges())
        let letters = ByteAlphabet.scalars.sorted().map(String.init)
        let tokens =
            letters + letters.map { $0 + wordEnd } + merges.map { $0.left + $0.right }
            + ["<|startoftext|>", "<|endoftext|>"]
        let ids = Dictionary(zip(tokens, Int32(0)...), uniquingKeysWith: { first, _ in first })
        return TokenizerVocabulary(ids: ids, merges: merges)
    }

    /// Tokens of CLIP's own vocabulary.
    static let clipSize = 49_408

    private static func clipMerges() -> [UInt8] {
        let length = umbel_clip_merges_length
        return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            count = buffer.withMemoryRebound(to: CChar.self) { umbel_clip_merges($0.baseAddress, length) }
        }
    }
}
