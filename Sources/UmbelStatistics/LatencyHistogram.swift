/// How long things took: counts in buckets whose width grows with the value, mergeable, with quantiles.
///
/// Up to 127 µs a bucket is one microsecond; from there every power of two is cut into 64 equal buckets, so the middle
/// of a bucket is within 1/128 (0.8 %) of every value in it. Longer than an hour counts as an hour. This is the layout
/// of HdrHistogram (G. Tene) with 64 sub-buckets.
package struct LatencyHistogram: Hashable, Sendable {
    /// One hour in microseconds, the largest value that is told apart.
    package static let limit = 3_600_000_000

    private static let subBuckets = 64
    private static let bits = 6

    /// By bucket, as far as the highest that was used.
    private var counts: [Int] = []
    package private(set) var count = 0
    /// Of the recorded values after the bounds 0 and `limit`, in microseconds.
    package private(set) var sum = 0

    package init() {}

    /// One value; below 0 counts as 0, above `limit` as `limit`.
    package mutating func record(microseconds: Int) {
        let value = min(max(microseconds, 0), Self.limit)
        add(1, at: Self.bucket(of: value))
        sum += value
    }

    /// As if the values of `other` had been recorded too.
    package mutating func merge(_ other: LatencyHistogram) {
        for (bucket, amount) in other.counts.enumerated() where amount > 0 { add(amount, at: bucket) }
        sum += other.sum
    }

    /// In microseconds; nil while empty.
    package var mean: Double? { count > 0 ? Double(sum) / Double(count) : nil }

    /// The middle of the bucket that holds the value of rank ⌈q·count⌉ (the nearest-rank definition), in microseconds;
    /// nil while empty.
    ///
    /// - Parameter fraction: in 0...1, such as 0.99.
    package func quantile(_ fraction: Double) -> Double? {
        guard count > 0 else { return nil }
        let rank = min(max(Int((fraction * Double(count)).rounded(.up)), 1), count)
        var seen = 0
        for (bucket, amount) in counts.enumerated() {
            seen += amount
            if seen >= rank { return Self.middle(of: bucket) }
        }
        return nil
    }

    /// Buckets that are not empty with their counts, in order; with `sum` this is all there is to store.
    package var sparse: [(bucket: Int, count: Int)] {
        counts.enumerated().filter { $0.element > 0 }.map { (bucket: $0.offset, count: $0.element) }
    }

    /// From what `sparse` and `sum` gave; nil if a bucket does not exist, a count is not positive or the sum is negative.
    package init?(sparse: some Sequence<(bucket: Int, count: Int)>, sum: Int) {
        guard sum >= 0 else { return nil }
        for (bucket, amount) in sparse {
            guard bucket >= 0, bucket <= Self.bucket(of: Self.limit), amount > 0 else { return nil }
            guard !count.addingReportingOverflow(amount).overflow else { return nil }
            add(amount, at: bucket)
        }
        self.sum = sum
    }

    private mutating func add(_ amount: Int, at bucket: Int) {
        if bucket >= counts.count { counts += repeatElement(0, count: bucket + 1 - counts.count) }
        counts[bucket] += amount
        count += amount
    }

    /// Below 2·64 the value itself; else 64 times the shift that brings the value into 64..<128, and what is left there.
    private static func bucket(of value: Int) -> Int {
        let shift = max(Int.bitWidth - value.leadingZeroBitCount - 1 - bits, 0)
        return shift * subBuckets + (value >> shift)
    }

    private static func middle(of bucket: Int) -> Double {
        guard bucket >= 2 * subBuckets else { return Double(bucket) }
        let shift = bucket / subBuckets - 1
        let start = (bucket - shift * subBuckets) << shift
        return Double(start) + Double((1 << shift) - 1) / 2
    }
}
