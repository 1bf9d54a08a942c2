package import UmbelFormats
package import UmbelTensor

extension Adapter {
    /// The tensors of a textual-inversion embedding: vectors that take the places of tokens in a text encoder, under words
    /// that prompts may use. They change no weights, so no merge looks at them.
    ///
    /// | file | tensors |
    /// |---|---|
    /// | web UIs, converted from their pickled ones | `emb_params`, or `string_to_param.*`, or `*` |
    /// | diffusers | one, called as its token: `<cat-toy>` |
    /// | SDXL | `clip_l` and `clip_g`, or `text_encoders_0` and `text_encoders_1` |
    /// | LyCORIS bundle | `bundle_emb.NAME.KEY`, with a key as above |
    package struct Embedding: Sendable {
        /// As a bundle calls it; nil for a file of one, which is called as it is kept.
        package let name: String?
        /// The word that the one tensor is called as; nil if its name says nothing.
        package let token: String?
        /// In the order of the text encoders that they are for, by their keys, without a bundle's prefix.
        package let tensors: [(key: String, view: TensorView)]

        /// - Returns: nil unless these are the tensors of one embedding.
        init?(name: String?, tensors: [(key: String, view: TensorView)]) {
            // The number of the token that was trained, in another's vocabulary.
            let used = tensors.filter { $0.key != "string_to_token.*" }
            guard let order = Self.order(used.map(\.key)) else { return nil }
            self.name = name
            self.tensors = order.map { used[$0] }
            token = used.count > 1 || Self.placeholders.contains(used[0].key) ? nil : used[0].key
        }

        /// Names of the one tensor that say nothing about the word.
        private static let placeholders: Set<String> = ["emb_params", "string_to_param.*", "*", "clip_l", "clip_g"]
        /// Names of the tensors for SDXL's two text encoders.
        private static let pairs = [["clip_l", "clip_g"], ["text_encoders_0", "text_encoders_1"]]

        /// The places of the keys of one embedding in the order of the text encoders. A token is any word without a point, or
        /// in angle brackets; what has a point is the name of a module's tensor.
        static func order(_ keys: [String]) -> [Int]? {
            if let pair = pairs.first(where: { $0.sorted() == keys.sorted() }) {
                return pair.compactMap(keys.firstIndex)
            }
            guard keys.count == 1, let key = keys.first, !key.isEmpty else { return nil }
            let isWord = key.hasPrefix("<") && key.hasSuffix(">") || !key.contains(".")
            return isWord || placeholders.contains(key) ? [0] : nil
        }

        static let bundlePrefix = "bundle_emb."

        /// The name and the key of a bundle's tensor; nil for any other tensor.
        static func bundled(_ key: String) -> (name: String, key: String)? {
            guard key.hasPrefix(bundlePrefix) else { return nil }
            let parts = key.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
            return (String(parts[1]), parts.count == 3 ? String(parts[2]) : "")
        }
    }

    /// Is it a textual inversion, of which a merge can take nothing?
    package var hasOnlyEmbeddings: Bool { modules.isEmpty && unknownKeys.isEmpty && !embeddings.isEmpty }

    /// Might a file of these tensors be one, as far as its header tells?
    package static func mayHaveOnlyEmbeddings(_ index: SafetensorsIndex) -> Bool {
        let names = index.entries.map(\.name)
        return Embedding.order(names) != nil || names.allSatisfy { $0.hasPrefix(Embedding.bundlePrefix) }
    }
}
