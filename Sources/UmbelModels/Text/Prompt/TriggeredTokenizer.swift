/// A tokenizer that knows the trigger words of embeddings.
///
/// A word is found in any case, wherever it is not part of another word, and stands for as many positions as its embedding
/// has vectors.
package struct TriggeredTokenizer: Sendable {
    /// What a prompt consists of.
    package enum Piece: Hashable, Sendable {
        case token(Int32)
        /// An embedding by its index, and how many vectors it has.
        case embedding(Int, rows: Int)
    }

    package let tokenizer: CLIPTokenizer
    private let splitter: PatternSplitter
    /// For each pattern: its embedding, and how many vectors that has.
    private let targets: [(embedding: Int, rows: Int)]

    /// - Parameter embeddings: their trigger words, and how many vectors each has. An empty word is none.
    package init(_ tokenizer: CLIPTokenizer, embeddings: [(words: [String], rows: Int)] = []) {
        self.tokenizer = tokenizer
        var patterns: [TextPattern] = []
        var targets: [(embedding: Int, rows: Int)] = []
        for (index, embedding) in embeddings.enumerated() {
            for word in embedding.words where !word.isEmpty {
                patterns.append(TextPattern(word: word))
                targets.append((index, embedding.rows))
            }
        }
        splitter = PatternSplitter(patterns) { _ in true }
        self.targets = targets
    }

    package func pieces(of text: String) -> [Piece] {
        tokenizer.stretches(of: text).flatMap { stretch -> [Piece] in
            switch stretch {
            case .token(let token): [.token(token)]
            case .normalized(let text): splitter.pieces(of: text).flatMap(pieces)
            }
        }
    }

    private func pieces(_ piece: PatternSplitter.Piece) -> [Piece] {
        switch piece {
        case .pattern(let index): [.embedding(targets[index].embedding, rows: targets[index].rows)]
        case .text(let text): tokenizer.tokens(ofNormalized: Array(text)).map(Piece.token)
        }
    }
}
