internal import UmbelTensor

/// One layer of a CLIP text encoder: x + attention(norm(x)), then that + W₂ · act(W₁ · norm(…)). A token sees those before it.
struct CLIPTextLayer: Sendable {
    private let norm1: LayerNorm
    private let query: Linear
    private let keys: Linear
    private let values: Linear
    private let out: Linear
    private let norm2: LayerNorm
    private let inner: Linear
    private let outer: Linear
    private let heads: Int
    private let activation: Activation

    /// - Throws: if a tensor is missing or has another shape.
    init(_ weights: Weights, _ configuration: CLIPTextConfiguration) throws(ModelError) {
        let (size, epsilon) = (configuration.size, configuration.epsilon)
        norm1 = try weights.layerNorm("layer_norm1", size: size, epsilon: epsilon)
        query = try weights.linear("self_attn.q_proj", inputs: size, outputs: size)
        keys = try weights.linear("self_attn.k_proj", inputs: size, outputs: size)
        values = try weights.linear("self_attn.v_proj", inputs: size, outputs: size)
        out = try weights.linear("self_attn.out_proj", inputs: size, outputs: size)
        norm2 = try weights.layerNorm("layer_norm2", size: size, epsilon: epsilon)
        inner = try weights.linear("mlp.fc1", inputs: size, outputs: configuration.innerSize)
        outer = try weights.linear("mlp.fc2", inputs: configuration.innerSize, outputs: size)
        heads = configuration.heads
        activation = configuration.activation
    }

    /// - Parameter x: (batch · tokens, size)
    func callAsFunction(_ x: Matrix, batch: Int, pool: ComputePool) -> Matrix {
        let normal = norm1(x, pool: pool)
        let seen = Attention.of(
            query: query(normal, pool: pool), keys: keys(normal, pool: pool), values: values(normal, pool: pool),
            batch: batch, heads: heads, mask: .causal, pool: pool)
        let attended = out(seen, adding: x, pool: pool)
        let wide = inner(norm2(attended, pool: pool), pool: pool)
        activation.apply(to: wide, pool: pool)
        return outer(wide, adding: attended, pool: pool)
    }
}
