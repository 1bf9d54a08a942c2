/// Which samples of a line make each sample of a line of another length, and how much of each: Pillow's arithmetic, so
/// that image-to-image begins from the same numbers as with diffusers.
///
/// With s = from/to, output i has its centre at c = (i + 1/2)·s and takes the inputs within radius · max(s, 1) of it,
/// at weights f((j + 1/2 - c) / max(s, 1)), divided by their sum and rounded to 22 bits behind the point.
struct ResamplingWeights {
    /// One output sample: the first input it takes, and the weights from there on.
    struct Window {
        let first: Int
        let weights: [Int32]
    }

    let windows: [Window]

    /// Of 32 bits, 8 are the sample's and 2 are left for the sum, which exceeds 1 where weights are negative.
    static let fractionBits = 22

    init(from: Int, to: Int, filter: ResamplingFilter) {
        let scale = Double(from) / Double(to)
        let stretch = max(scale, 1)
        let radius = filter.radius * stretch
        windows = (0..<to).map { index in
            let centre = (Double(index) + 0.5) * scale
            let first = max(0, Int(centre - radius + 0.5))
            let end = min(from, Int(centre + radius + 0.5))
            let weights = (first..<end).map { filter.weight((Double($0) - centre + 0.5) / stretch) }
            return Window(first: first, weights: Self.fixed(weights))
        }
    }

    /// Divided by their sum, as fixed-point numbers, halves away from zero.
    private static func fixed(_ weights: [Double]) -> [Int32] {
        let sum = weights.reduce(0, +)
        return weights.map { weight in
            let share = sum == 0 ? weight : weight / sum
            return Int32((share * Double(1 << fractionBits)).rounded(.toNearestOrAwayFromZero))
        }
    }
}
