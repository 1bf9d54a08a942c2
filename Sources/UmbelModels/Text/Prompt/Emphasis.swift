package import UmbelTensor

/// What is made of the weights in a prompt.
package enum Emphasis: String, Hashable, Sendable, CaseIterable {
    /// Embeddings are multiplied by their weights, then all of a chunk so that their mean is what it was.
    case original
    /// Embeddings are multiplied by their weights.
    case noNorm
    /// Weights are taken out of the prompt and count for nothing.
    case ignored
    /// The prompt has no syntax at all: it is one text, cut where the text model ends, as diffusers takes it.
    case none

    /// Applies weights to the embeddings of one chunk by one text encoder.
    ///
    /// The mean is over all positions and channels. Where it cannot be restored, because it has become 0, it is left alone.
    ///
    /// - Parameters:
    ///   - weights: one a position.
    ///   - embeddings: positions × channels.
    package func apply(_ weights: [Float], to embeddings: Matrix) {
        precondition(weights.count == embeddings.rows)
        guard self != .none, self != .ignored, weights.contains(where: { $0 != 1 }) else { return }
        let before = mean(embeddings)
        let start = embeddings.start
        for (row, weight) in weights.enumerated() where weight != 1 {
            for index in row * embeddings.columns..<(row + 1) * embeddings.columns { start[index] *= weight }
        }
        let ratio = Float(before / mean(embeddings))
        if self == .original, ratio.isFinite { embeddings.scale(by: ratio) }
    }

    private func mean(_ embeddings: Matrix) -> Double {
        let numbers = UnsafeBufferPointer(start: embeddings.start, count: embeddings.rows * embeddings.columns)
        return numbers.reduce(0) { $0 + Double($1) } / Double(numbers.count)
    }
}
