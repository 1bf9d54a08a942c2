internal import Glibc
internal import UmbelTensor

/// Numbers, such as a time, as vectors of sines and cosines.
enum Wave: Sendable {
    /// cos and sin of t · 10000^(-i / (n - shift)) for i = 0 ..< n, n half the vector's size (Attention Is All You Need, 3.5).
    case positional(size: Int, cosinesFirst: Bool, shift: Double)
    /// cos and sin of 2π · t · w_i with random frequencies w that are part of the weights (arXiv 2006.10739).
    case fourier(frequencies: [Float], cosinesFirst: Bool)

    /// - Returns: (times, size). With an odd size the last column is 0.
    func callAsFunction(_ times: [Float]) -> Matrix {
        let (size, frequencies, cosinesFirst) = parts
        let half = frequencies.count
        let out = Matrix(rows: times.count, columns: size, repeating: 0)
        for (row, time) in times.enumerated() {
            let place = out.row(row)
            for index in 0..<half {
                let angle = angle(time, frequencies[index])
                place[cosinesFirst ? index : half + index] = cosf(angle)
                place[cosinesFirst ? half + index : index] = sinf(angle)
            }
        }
        return out
    }

    private var parts: (size: Int, frequencies: [Float], cosinesFirst: Bool) {
        switch self {
        case .positional(let size, let cosinesFirst, let shift):
            let half = size / 2
            // In f32 as torch does it: the exponent is rounded before it is divided.
            let frequencies = (0..<half).map { index in
                expf(Float(-log(10000.0)) * Float(index) / Float(Double(half) - shift))
            }
            return (size, frequencies, cosinesFirst)
        case .fourier(let frequencies, let cosinesFirst): return (2 * frequencies.count, frequencies, cosinesFirst)
        }
    }

    private func angle(_ time: Float, _ frequency: Float) -> Float {
        switch self {
        case .positional: time * frequency
        case .fourier: time * frequency * 2 * Float.pi
        }
    }
}

/// W₂ · act(W₁ · x), and a second activation of that if there is one.
struct VectorEmbedding: Sendable {
    private let first: Linear
    private let second: Linear
    private let condition: Linear?
    private let activation: Activation
    private let last: Activation?

    /// - Parameter conditionSize: of a vector that is projected and added to the input (distilled guidance); nil for none.
    /// - Throws: if a tensor is missing or has another shape.
    init(
        _ weights: Weights, inputs: Int, outputs: Int, activation: Activation = .silu, last: Activation? = nil,
        conditionSize: Int? = nil
    ) throws(ModelError) {
        first = try weights.linear("linear_1", inputs: inputs, outputs: outputs)
        second = try weights.linear("linear_2", inputs: outputs, outputs: outputs)
        if let conditionSize {
            condition = try weights.linear("cond_proj", inputs: conditionSize, outputs: inputs)
        } else {
            condition = nil
        }
        self.activation = activation
        self.last = last
    }

    /// - Parameters:
    ///   - x: (batch, inputs)
    ///   - vector: (batch, condition size); only where the embedding was built for it.
    func callAsFunction(_ x: Matrix, condition vector: Matrix? = nil, pool: ComputePool) -> Matrix {
        var input = x
        if let condition, let vector { input = condition(vector, adding: x, pool: pool) }
        let hidden = first(input, pool: pool)
        activation.apply(to: hidden, pool: pool)
        let out = second(hidden, pool: pool)
        last?.apply(to: out, pool: pool)
        return out
    }
}
