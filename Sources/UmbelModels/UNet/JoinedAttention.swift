internal import UmbelTensor

/// x + W_o · attention of the places on the text and on each other at once: keys and values of both behind each other, the
/// text's from projections of their own.
struct JoinedAttention: Sendable {
    private let norm: GroupNorm
    private let contextNorm: GroupNorm?
    private let query: Linear
    /// nil where the places are not looked at.
    private let places: (keys: Linear, values: Linear)?
    private let textKeys: Linear
    private let textValues: Linear
    private let out: Linear
    private let heads: Int
    private let type: ComputeType

    /// - Parameters:
    ///   - heads: divides `channels`.
    ///   - normalizesContext: the text's vectors are normalised in groups first.
    ///   - looksOnlyAtText: the places are not looked at.
    /// - Throws: if a tensor is missing or has another shape.
    init(
        _ weights: Weights, channels: Int, heads: Int, contextSize: Int, groups: Int, normalizesContext: Bool,
        looksOnlyAtText: Bool
    ) throws(ModelError) {
        norm = try weights.groupNorm("group_norm", channels: channels, groups: groups, epsilon: 1e-5)
        // diffusers has both numbers fixed.
        contextNorm =
            normalizesContext
            ? try weights.groupNorm("norm_cross", channels: contextSize, groups: 32, epsilon: 1e-5) : nil
        query = try weights.linear("to_q", inputs: channels, outputs: channels)
        places =
            looksOnlyAtText
            ? nil
            : (
                try weights.linear("to_k", inputs: channels, outputs: channels),
                try weights.linear("to_v", inputs: channels, outputs: channels)
            )
        textKeys = try weights.linear("add_k_proj", inputs: contextSize, outputs: channels)
        textValues = try weights.linear("add_v_proj", inputs: contextSize, outputs: channels)
        out = try weights.linear("to_out.0", inputs: channels, outputs: channels)
        self.heads = heads
        type = weights.computeType
    }

    func callAsFunction(_ x: FeatureMap, context: TextContext, pool: ComputePool) -> FeatureMap {
        let normal = norm(x, silu: false, pool: pool).values
        // Numbers as they are: those of the places may come behind them.
        let text = context.seen(by: textKeys) {
            let text = normalized(context.vectors, batch: x.batch, pool: pool)
            return Attention.Seen(
                keys: textKeys(text, pool: pool), values: textValues(text, pool: pool), batch: x.batch, heads: heads,
                pool: pool)
        }
        var (keys, values) = (text.keys, text.values)
        if let places {
            keys = Self.joined(keys, places.keys(normal, pool: pool), batch: x.batch)
            values = Self.joined(values, places.values(normal, pool: pool), batch: x.batch)
        }
        let seen = Attention.of(
            query: query(normal, pool: pool), keys: keys, values: values, batch: x.batch, heads: heads,
            type: type, pool: pool)
        return x.with(out(seen, adding: x.values, pool: pool))
    }

    private func normalized(_ context: Matrix, batch: Int, pool: ComputePool) -> Matrix {
        guard let contextNorm else { return context }
        let map = FeatureMap(batch: batch, height: 1, width: context.rows / batch, context)
        return contextNorm(map, silu: false, pool: pool).values
    }

    /// For each picture the rows of the first matrix, then those of the second.
    private static func joined(_ first: Matrix, _ second: Matrix, batch: Int) -> Matrix {
        let (above, below) = (first.rows / batch, second.rows / batch)
        let out = Matrix(rows: first.rows + second.rows, columns: first.columns)
        for picture in 0..<batch {
            let place = out.row(picture * (above + below))
            place.update(from: first.row(picture * above), count: above * first.columns)
            (place + above * first.columns).update(from: second.row(picture * below), count: below * first.columns)
        }
        return out
    }
}
