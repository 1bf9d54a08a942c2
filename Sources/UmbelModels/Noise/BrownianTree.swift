internal import Glibc

/// A path of Brownian motion that depends on its seed alone and not on where it is looked at: what `BrownianInterval` of
/// torchsde 0.2.6 gives with `halfway_tree`, a tolerance of 1e-6 and a pool of 24 words, and with it k-diffusion's
/// `BrownianTreeNoiseSampler`.
///
/// The times are halved again and again. An interval's increment is split at its middle by a bridge: the left half gets
/// its part by length, and noise with the deviation √(left · right / whole) from a seed that belongs to the split.
struct BrownianTree<Noise: NoiseSource> {
    private static var poolSize: Int { 24 }
    private let seed: UInt64
    private let count: Int
    private let whole: Interval
    private let increment: [Float]

    /// - Parameters:
    ///   - count: how many paths there are side by side, one for each number of the latents.
    ///   - start: the time at which they begin.
    ///   - end: where they end, not before.
    init(seed: UInt64, count: Int, from start: Double, to end: Double) {
        self.seed = seed
        self.count = count
        whole = Interval(start: rounded(start), end: rounded(end), number: 0, depth: 0)
        let first = SeedSequence(seed: seed, size: Self.poolSize).words(1)[0]
        let deviation = Float((end - start).squareRoot())
        increment = Self.noise(first, count).map { $0 * deviation }
    }

    /// How far each path moves between two times; times beyond the ends are moved to them.
    func increments(_ start: Double, _ end: Double) -> [Float] {
        let (start, end) = (rounded(max(start, whole.start)), rounded(min(end, whole.end)))
        guard start < end else { return Array(repeating: 0, count: count) }
        var sum: [Float] = []
        add(whole, increment, between: start, end, to: &sum)
        return sum
    }

    /// Adds the increments of the parts of an interval that are asked for, from the left to the right.
    private func add(
        _ interval: Interval, _ increment: [Float], between start: Double, _ end: Double, to sum: inout [Float]
    ) {
        let (left, right) = interval.halves
        let middle = left.end
        // Where times are so large that six decimal places are beyond f64, an interval may have no middle.
        let isWhole = start == interval.start && end == interval.end
        guard !isWhole, middle > interval.start, middle < interval.end else {
            sum = sum.isEmpty ? increment : zip(sum, increment).map { $0 + $1 }
            return
        }
        let leftIncrement = bridge(interval, increment)
        if start < middle { add(left, leftIncrement, between: start, min(end, middle), to: &sum) }
        guard end > middle else { return }
        add(right, zip(increment, leftIncrement).map { $0 - $1 }, between: max(start, middle), end, to: &sum)
    }

    /// The left half's part of an increment.
    private func bridge(_ interval: Interval, _ increment: [Float]) -> [Float] {
        let (left, right) = interval.halves
        let (leftLength, rightLength) = (left.end - left.start, right.end - right.start)
        let reciprocal = 1 / (interval.end - interval.start)
        let deviation = Float((leftLength * rightLength * reciprocal).squareRoot())
        let path = [interval.number, UInt64(interval.depth)]
        let noise = Self.noise(SeedSequence(seed: seed, path: path, size: Self.poolSize).words(1)[0], count)
        let (length, factor) = (Float(leftLength), Float(reciprocal))
        return zip(increment, noise).map { length * $0 * factor + deviation * $1 }
    }

    private static func noise(_ seed: UInt32, _ count: Int) -> [Float] {
        var noise = Noise(seed: UInt64(seed))
        return noise.draw(count)
    }
}

/// A part of the time, which halves of halves lead to.
private struct Interval {
    let start: Double
    let end: Double
    /// Among the intervals of its depth, from the left.
    let number: UInt64
    let depth: Int

    var halves: (left: Interval, right: Interval) {
        let middle = rounded(0.5 * (end + start))
        return (
            Interval(start: start, end: middle, number: 2 * number, depth: depth + 1),
            Interval(start: middle, end: end, number: 2 * number + 1, depth: depth + 1)
        )
    }
}

/// To six decimal places as Python rounds, which goes by the exact value of the number. The middle of an odd number of
/// millionths lies next to a tie, on the side that the product's error tells.
private func rounded(_ time: Double) -> Double {
    let product = time * 1e6
    let error = (-product).addingProduct(time, 1e6)
    let below = product.rounded(.down)
    let part = product - below
    if part != 0.5 || error == 0 { return product.rounded(.toNearestOrEven) / 1e6 }
    return (error > 0 ? below + 1 : below) / 1e6
}
