/// Everything names are resolved against: the tensors of a base, and the few facts of its configuration files that names
/// alone cannot tell.
package struct BaseCatalog: Sendable {
    package let tensors: [BaseTensor]
    /// `model_type` of a language model; decides about Conv1D and the orientation of expert stacks.
    package let modelType: String?
    /// Head counts of a language model; where fused projections end. Without them the shapes of neighbours decide.
    package let heads: HeadCounts?
    /// Whether the output head is the embedding (`tie_word_embeddings`).
    package let tiesEmbeddings: Bool
    /// Folder → class ("text_encoder_2" → "T5EncoderModel"). Only used where names do not show what an encoder is.
    package let componentClasses: [String: String]

    package init(
        tensors: [BaseTensor], modelType: String? = nil, heads: HeadCounts? = nil, tiesEmbeddings: Bool = false,
        componentClasses: [String: String] = [:]
    ) {
        self.tensors = tensors
        self.modelType = modelType
        self.heads = heads
        self.tiesEmbeddings = tiesEmbeddings
        self.componentClasses = componentClasses
    }
}

/// Attention of a language model: `num_attention_heads`, `num_key_value_heads`, `head_dim`.
package struct HeadCounts: Hashable, Sendable {
    package let attention: Int
    package let keyValue: Int
    package let size: Int

    package init(attention: Int, keyValue: Int, size: Int) {
        self.attention = attention
        self.keyValue = keyValue
        self.size = size
    }
}
