package import UmbelTensor

/// x + W_o · attention(norm(x)) over the places of a picture: the attention of autoencoders and of the oldest U-Nets.
package struct SelfAttentionBlock: Sendable {
    private let norm: GroupNorm
    private let query: Linear
    private let keys: Linear
    private let values: Linear
    private let out: Linear
    private let heads: Int
    private let type: ComputeType

    /// - Parameter heads: divides `channels`.
    /// - Throws: if a tensor is missing or has another shape.
    init(_ weights: Weights, channels: Int, heads: Int, groups: Int, epsilon: Double) throws(ModelError) {
        norm = try weights.groupNorm("group_norm", channels: channels, groups: groups, epsilon: epsilon)
        // Folders saved by diffusers before 0.18 have the second names.
        func projection(_ name: String, _ older: String) throws(ModelError) -> Linear {
            let name = weights.has(older + ".weight") ? older : name
            return try weights.linear(name, inputs: channels, outputs: channels)
        }
        query = try projection("to_q", "query")
        keys = try projection("to_k", "key")
        values = try projection("to_v", "value")
        out = try projection("to_out.0", "proj_attn")
        self.heads = heads
        type = weights.computeType
    }

    package func callAsFunction(_ x: FeatureMap, pool: ComputePool) -> FeatureMap {
        let normal = norm(x, silu: false, pool: pool).values
        let seen = Attention.of(
            query: query(normal, pool: pool), keys: keys(normal, pool: pool), values: values(normal, pool: pool),
            batch: x.batch, heads: heads, type: type, pool: pool)
        return x.with(out(seen, adding: x.values, pool: pool))
    }
}
