internal import UmbelTensor

/// x + attention of the places on each other, then + attention on the text, then + feed-forward with GEGLU; each of a layer
/// norm of what is there.
struct TransformerBlock: Sendable {
    private let norm1: LayerNorm
    private let selfAttention: CrossAttention
    private let norm2: LayerNorm
    private let textAttention: CrossAttention
    private let norm3: LayerNorm
    private let inner: Linear
    private let outer: Linear
    private let looksOnlyAtText: Bool
    private let type: ComputeType

    /// - Parameters:
    ///   - size: numbers of a place.
    ///   - contextSize: numbers of a token.
    ///   - looksOnlyAtText: the first attention is on the text too.
    /// - Throws: if a tensor is missing or has another shape.
    init(
        _ weights: Weights, size: Int, heads: Int, contextSize: Int, looksOnlyAtText: Bool
    ) throws(ModelError) {
        norm1 = try weights.layerNorm("norm1", size: size)
        selfAttention = try CrossAttention(
            weights["attn1"], size: size, heads: heads, contextSize: looksOnlyAtText ? contextSize : size)
        norm2 = try weights.layerNorm("norm2", size: size)
        textAttention = try CrossAttention(weights["attn2"], size: size, heads: heads, contextSize: contextSize)
        norm3 = try weights.layerNorm("norm3", size: size)
        inner = try weights.linear("ff.net.0.proj", inputs: size, outputs: 8 * size)
        outer = try weights.linear("ff.net.2", inputs: 4 * size, outputs: size)
        self.looksOnlyAtText = looksOnlyAtText
        type = weights.computeType
    }

    /// - Parameter x: (batch · places, size)
    func callAsFunction(_ x: Matrix, context: TextContext, batch: Int, pool: ComputePool) -> Matrix {
        var normal = norm1.factors(of: x, type: type, pool: pool)
        var x = selfAttention(normal, on: looksOnlyAtText ? context : nil, adding: x, batch: batch, pool: pool)
        normal = norm2.factors(of: x, type: type, pool: pool)
        x = textAttention(normal, on: context, adding: x, batch: batch, pool: pool)
        normal = norm3.factors(of: x, type: type, pool: pool)
        return outer(inner.gatedGELU(normal, pool: pool), adding: x, pool: pool)
    }
}

/// W_o · attention of one sequence on another, or on itself.
struct CrossAttention: Sendable {
    private let query: Linear
    private let keys: Linear
    private let values: Linear
    private let out: Linear
    private let heads: Int
    private let type: ComputeType

    /// - Throws: if a tensor is missing or has another shape.
    init(_ weights: Weights, size: Int, heads: Int, contextSize: Int) throws(ModelError) {
        query = try weights.linear("to_q", inputs: size, outputs: size)
        keys = try weights.linear("to_k", inputs: contextSize, outputs: size)
        values = try weights.linear("to_v", inputs: contextSize, outputs: size)
        out = try weights.linear("to_out.0", inputs: size, outputs: size)
        self.heads = heads
        type = weights.computeType
    }

    /// - Parameters:
    ///   - x: (batch · places, size)
    ///   - text: what the places look at; nil for each other.
    func callAsFunction(
        _ x: Factors, on text: TextContext?, adding residual: Matrix, batch: Int, pool: ComputePool
    ) -> Matrix {
        let seen = text.map { text in
            text.seen(by: keys) { projected(Factors(text.vectors, type: type, pool: pool), batch, pool) }
        }
        let found = Attention.factors(
            query: query(x, pool: pool), on: seen ?? projected(x, batch, pool), type: type, pool: pool)
        return out(found, adding: residual, pool: pool)
    }

    private func projected(_ other: Factors, _ batch: Int, _ pool: ComputePool) -> Attention.Seen {
        Attention.Seen(
            keys: keys(other, pool: pool), values: values(other, pool: pool), batch: batch, heads: heads, type: type,
            pool: pool)
    }
}
