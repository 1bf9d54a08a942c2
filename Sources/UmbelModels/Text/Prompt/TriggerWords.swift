/// Words that are looked for in prompts as those of embeddings are: in any case, where they are no part of another word.
package struct TriggerWords: Sendable {
    private let splitter: PatternSplitter

    /// - Parameter words: an empty one is none.
    package init(_ words: [String]) {
        splitter = PatternSplitter(words.filter { !$0.isEmpty }.map { TextPattern(word: $0) }) { _ in true }
    }

    /// Does a prompt say one of them?
    package func occur(in text: String) -> Bool {
        splitter.pieces(of: CLIPWords.normalized(text.unicodeScalars)).contains { piece in
            if case .pattern = piece { true } else { false }
        }
    }
}
