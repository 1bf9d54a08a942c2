package import UmbelFormats
package import UmbelTensor

/// Vectors that take the places of tokens in a text encoder's embedding (Gal et al. 2022), and the words that stand for them.
package struct TextualInversion: Sendable {
    /// The name it is kept under.
    package let name: String
    /// What a prompt says: the name, and the token that the file itself gives it, if it does.
    package let words: [String]
    /// Vectors of the first text encoder, vectors × its width.
    package let vectors: Matrix
    /// Of the second text encoder of SDXL, as many; nil for other models.
    package let secondVectors: Matrix?

    /// Places that its words take in a prompt; may be 0, in which case they vanish from it.
    package var count: Int { vectors.rows }

    /// The places for one text encoder, counted from 0: the same for all, so that their chunks are alike. A vector that an
    /// encoder does not have is missed when it is asked for.
    package func rows(ofEncoder encoder: Int) -> Int { count }

    /// A vector for a text encoder, counted from 0; nil if there is none.
    package func vector(_ row: Int, ofEncoder encoder: Int) -> [Float]? {
        guard (0...1).contains(encoder), let matrix = encoder == 0 ? vectors : secondVectors,
            (0..<matrix.rows).contains(row)
        else { return nil }
        return Array(UnsafeBufferPointer(start: matrix.start + row * matrix.columns, count: matrix.columns))
    }
}

extension TextualInversion {
    /// Reads a file of one embedding.
    ///
    /// The tensors are `emb_params`, or one named after its token, or for SDXL `clip_l` and `clip_g`; each a vector, or vectors
    /// × width. The pickled files of the web UI (`string_to_param`) are refused when a file is opened.
    package init(_ file: SafetensorsFile, name: String) throws(ModelError) {
        let tensors = file.index.entries.map { (key: $0.name, view: file.view($0)) }
        try self.init(tensors, name: name, file: file.path)
    }

    /// The embeddings that lie beside an adapter in a LyCORIS bundle: `bundle_emb.NAME.KEY`, where KEY is as in a file of one
    /// embedding, or `string_to_param.*`. In the order of their names.
    package static func bundled(in file: SafetensorsFile) throws(ModelError) -> [TextualInversion] {
        var groups: [String: [(key: String, view: TensorView)]] = [:]
        for entry in file.index.entries {
            let parts = entry.name.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts[0] == "bundle_emb" else { continue }
            guard parts.count == 3 else { throw .malformed(file: file.path, reason: entry.name) }
            // The word's own token, which nobody needs.
            if parts[2] == "string_to_token.*" { continue }
            groups[String(parts[1]), default: []].append((String(parts[2]), file.view(entry)))
        }
        var found: [TextualInversion] = []
        for (name, tensors) in groups.sorted(by: { $0.key < $1.key }) {
            found.append(try TextualInversion(tensors, name: name, file: file.path))
        }
        return found
    }

    /// Names of the one tensor that say nothing about the word.
    private static let placeholders: Set<String> = ["emb_params", "string_to_param.*", "*"]
    /// Names of the tensors for SDXL's two text encoders.
    private static let pairs = [("clip_l", "clip_g"), ("text_encoders_0", "text_encoders_1")]

    private init(_ tensors: [(key: String, view: TensorView)], name: String, file: String) throws(ModelError) {
        self.name = name
        let byKey = Dictionary(tensors.map { ($0.key, $0.view) }) { first, _ in first }
        for (first, second) in Self.pairs where byKey.count == 2 {
            guard let firstView = byKey[first], let secondView = byKey[second] else { continue }
            words = [name]
            vectors = try Self.matrix(firstView, key: first)
            let others = try Self.matrix(secondView, key: second)
            guard others.rows == vectors.rows else {
                throw .shape(tensor: second, found: secondView.shape, expected: [vectors.rows, others.columns])
            }
            secondVectors = others
            return
        }
        guard byKey.count == 1, let (key, view) = byKey.first else {
            let keys = byKey.keys.sorted().prefix(8).joined(separator: ", ")
            throw .malformed(file: file, reason: "no embedding of one word: \(keys)")
        }
        words = Self.placeholders.contains(key) || key == name ? [name] : [name, key]
        vectors = try Self.matrix(view, key: key)
        secondVectors = nil
    }

    private static func matrix(_ view: TensorView, key: String) throws(ModelError) -> Matrix {
        guard view.dtype.isFloat else { throw .dtype(tensor: key, "\(view.dtype)") }
        guard (1...2).contains(view.shape.count), let width = view.shape.last, width > 0 else {
            throw .shape(tensor: key, found: view.shape, expected: [1, view.shape.last ?? 1])
        }
        guard view.isFinite(0..<view.elementCount) else { throw .malformed(file: key, reason: "not finite") }
        let rows = view.shape.count == 2 ? view.shape[0] : 1
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
