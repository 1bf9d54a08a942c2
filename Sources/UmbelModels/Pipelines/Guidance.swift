internal import UmbelTensor

/// Noise with and without the prompt put together     arXiv 2207.12598
struct Guidance {
    let scale: Float
    let rescale: Float

    /// out = without + scale · (with − without), perhaps to the deviation that the noise with the prompt has
    /// (arXiv 2305.08891, section 3.4).
    ///
    /// - Parameters:
    ///   - pair: the noise without the prompt, then that with it, `count` numbers each.
    func apply(_ pair: UnsafePointer<Float>, count: Int, to out: UnsafeMutablePointer<Float>) {
        let (without, with) = (pair, pair + count)
        for index in 0..<count { out[index] = without[index] + scale * (with[index] - without[index]) }
        guard rescale > 0 else { return }
        let factor = Float(Self.deviation(with, count) / Self.deviation(out, count))
        guard factor.isFinite else { return }
        let mixed = rescale * factor + (1 - rescale)
        for index in 0..<count { out[index] *= mixed }
    }

    /// The sample's standard deviation.
    private static func deviation(_ x: UnsafePointer<Float>, _ count: Int) -> Double {
        let mean = (0..<count).reduce(0.0) { $0 + Double(x[$1]) } / Double(count)
        let squares = (0..<count).reduce(0.0) { $0 + (Double(x[$1]) - mean) * (Double(x[$1]) - mean) }
        return (squares / Double(max(1, count - 1))).squareRoot()
    }
}
