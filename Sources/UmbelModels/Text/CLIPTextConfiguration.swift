package import UmbelFormats

/// How a CLIP text encoder is built, as `config.json` of transformers says it.
package struct CLIPTextConfiguration: Hashable, Sendable {
    package var vocabulary = 49408
    package var size = 512
    package var innerSize = 2048
    package var layers = 12
    package var heads = 8
    /// Tokens that there are position embeddings for.
    package var positions = 77
    package var activation = Activation.quickGELU
    package var epsilon = 1e-5
    /// Length of the projected vector, if there is a projection.
    package var projectionSize = 512
    /// 2 in older configurations, whatever the token is: then the largest token counts as the end.
    package var endToken = 49407

    package init() {}

    /// - Throws: for a setting that changes the numbers and is not supported.
    package init(_ json: JSON) throws(ModelError) {
        var settings = Settings(json)
        try settings.require("model_type", in: ["clip_text_model"])
        // Padding would have to be hidden from the other tokens.
        try settings.require("use_attention_mask", in: [false])
        vocabulary = try settings.integer("vocab_size", default: vocabulary)
        size = try settings.integer("hidden_size", default: size)
        innerSize = try settings.integer("intermediate_size", default: innerSize)
        layers = try settings.integer("num_hidden_layers", default: layers)
        heads = try settings.integer("num_attention_heads", default: heads)
        positions = try settings.integer("max_position_embeddings", default: positions)
        activation = try settings.activation("hidden_act") ?? activation
        epsilon = try settings.number("layer_norm_eps", default: epsilon)
        projectionSize = try settings.integer("projection_dim", default: projectionSize)
        endToken = try settings.integer("eos_token_id", default: endToken)
        guard heads > 0, size % heads == 0 else {
            throw .unsupported(setting: "num_attention_heads", value: "\(heads) of \(size)")
        }
    }
}
