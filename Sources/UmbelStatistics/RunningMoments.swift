/// Count, mean and variance of a stream of numbers, without keeping them.
///
/// One number: Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products", Technometrics 1962.
/// Two streams: Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances",
/// 1979. What is stored are the plain fields; any fields that `init` takes give the same value back.
package struct RunningMoments: Hashable, Sendable {
    package private(set) var count: Int
    package private(set) var mean: Double
    /// Σ (x − mean)².
    package private(set) var squares: Double
    /// +∞ while empty.
    package private(set) var minimum: Double
    /// −∞ while empty.
    package private(set) var maximum: Double
    /// Whether every number was 0 or 1; true while empty.
    package private(set) var isBinary: Bool

    package init() {
        (count, mean, squares, minimum, maximum, isBinary) = (0, 0, 0, .infinity, -.infinity, true)
    }

    /// From stored fields; nil if no stream of numbers has them.
    package init?(count: Int, mean: Double, squares: Double, minimum: Double, maximum: Double, isBinary: Bool) {
        self.init()
        if count == 0 { return }
        guard count > 0, mean.isFinite, squares.isFinite, squares >= 0, minimum.isFinite, maximum.isFinite,
            minimum <= maximum
        else { return nil }
        (self.count, self.mean, self.squares) = (count, mean, squares)
        (self.minimum, self.maximum, self.isBinary) = (minimum, maximum, isBinary)
    }

    package init(_ values: some Sequence<Double>) {
        self.init()
        for value in values { add(value) }
    }

    /// The largest magnitude that may be added: sums of squares of larger numbers, and products of those, overflow.
    package static let largest = 1e100

    /// - Precondition: `value` is finite and at most `largest` in magnitude; the caller refuses others.
    package mutating func add(_ value: Double) {
        count += 1
        let before = value - mean
        mean += before / Double(count)
        squares += before * (value - mean)
        minimum = min(minimum, value)
        maximum = max(maximum, value)
        if value != 0 && value != 1 { isBinary = false }
    }

    /// As if the numbers of `other` had been added too.
    package mutating func merge(_ other: RunningMoments) {
        guard other.count > 0 else { return }
        guard count > 0 else {
            self = other
            return
        }
        let (own, others) = (Double(count), Double(other.count))
        let total = own + others
        let difference = other.mean - mean
        mean += difference * (others / total)
        squares += other.squares + difference * difference * (own / total * others)
        count += other.count
        minimum = min(minimum, other.minimum)
        maximum = max(maximum, other.maximum)
        isBinary = isBinary && other.isBinary
    }

    /// The unbiased variance of one number, squares / (count − 1); nil with fewer than two.
    package var variance: Double? { count > 1 ? squares / Double(count - 1) : nil }

    /// How many were 1, if all were 0 or 1.
    package var successes: Int? { isBinary ? Int((mean * Double(count)).rounded()) : nil }
}
