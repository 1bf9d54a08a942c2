package import UmbelTensor

/// Vectors that take the places of tokens in a text encoder's embedding (Gal et al. 2022), and the words that stand for them.
package struct TextualInversion: Sendable {
    /// The name it is kept under.
    package private(set) var name: String
    /// What a prompt says: the name, and the token that its file has for it, if that is another word.
    package private(set) var words: [String]
    /// Vectors of the first text encoder, vectors × its width.
    package let vectors: Matrix
    /// Of the second text encoder of SDXL, as many; nil for other models.
    package let secondVectors: Matrix?
    /// The names of the tensors that they are from.
    private let keys: [String]

    /// Places that its words take in a prompt; may be 0, in which case they vanish from it.
    package var count: Int { vectors.rows }

    /// Numbers of a vector for each text encoder.
    package var widths: [Int] { [vectors.columns] + (secondVectors.map { [$0.columns] } ?? []) }

    /// Vectors of one embedding at most: each is a place in every prompt that says its word.
    package static let vectorLimit = 1024

    /// A vector for a text encoder, counted from 0; nil if there is none.
    package func vector(_ row: Int, ofEncoder encoder: Int) -> [Float]? {
        guard (0...1).contains(encoder), let matrix = encoder == 0 ? vectors : secondVectors,
            (0..<matrix.rows).contains(row)
        else { return nil }
        return Array(UnsafeBufferPointer(start: matrix.start + row * matrix.columns, count: matrix.columns))
    }

    /// The same under another name.
    package func called(_ name: String) -> TextualInversion {
        var copy = answering(to: [name] + words.filter { $0 != self.name && $0 != name })
        copy.name = name
        return copy
    }

    /// The same for fewer words.
    package func answering(to words: [String]) -> TextualInversion {
        var copy = self
        copy.words = words
        return copy
    }

    /// The tensor that keeps it from being used with text encoders of these widths; nil if nothing does.
    package func misfit(_ widths: [Int]) -> String? {
        let own = self.widths
        if own == widths { return nil }
        let place = zip(own, widths).enumerated().first { $1.0 != $1.1 }?.offset ?? min(own.count, widths.count)
        return keys[min(place, keys.count - 1)]
    }
}

extension TextualInversion {
    /// - Parameters:
    ///   - tensors: one for each text encoder, with their names: a vector each, or vectors × width.
    ///   - token: the word that the file itself has for it.
    /// - Throws: for tensors of another shape, and for numbers that are not finite.
    package init(
        _ tensors: [(key: String, view: TensorView)], name: String, token: String? = nil
    ) throws(ModelError) {
        guard let first = tensors.first, tensors.count <= 2 else {
            throw .malformed(file: name, reason: "\(tensors.count) tensors")
        }
        self.name = name
        words = [name] + (token.flatMap { $0 == name ? nil : [$0] } ?? [])
        keys = tensors.map(\.key)
        vectors = try Self.matrix(first.view, key: first.key)
        guard let second = tensors.dropFirst().first else {
            secondVectors = nil
            return
        }
        let others = try Self.matrix(second.view, key: second.key)
        guard others.rows == vectors.rows else {
            throw .shape(tensor: second.key, found: second.view.shape, expected: [vectors.rows, others.columns])
        }
        secondVectors = others
    }

    private static func matrix(_ view: TensorView, key: String) throws(ModelError) -> Matrix {
        guard view.dtype.isFloat else { throw .dtype(tensor: key, "\(view.dtype)") }
        guard (1...2).contains(view.shape.count), let width = view.shape.last, width > 0 else {
            throw .shape(tensor: key, found: view.shape, expected: [1, view.shape.last ?? 1])
        }
        let rows = view.shape.count == 2 ? view.shape[0] : 1
        guard rows <= vectorLimit else {
            throw .malformed(file: key, reason: "\(rows) vectors, and \(vectorLimit) are the most")
        }
        guard view.isFinite(0..<view.elementCount) else { throw .malformed(file: key, reason: "not finite") }
        let matrix = Matrix(rows: rows, columns: width)
        view.widen(0..<view.elementCount, into: matrix.start)
        return matrix
    }
}

extension TriggeredTokenizer {
    /// A tokenizer that knows embeddings; a placement's `embedding` is an index of this list.
    package init(_ tokenizer: CLIPTokenizer, inversions: [TextualInversion]) {
        self.init(tokenizer, embeddings: inversions.map { ($0.words, $0.count) })
    }
}
