/// The name with the smallest edit distance to one that was not found.
///
/// Only for messages, so it may give up: names that differ too much are not near, and one file may cost only so much
/// work, whatever it contains.
struct NearestStem {
    private let candidates: [[UInt8]]
    private let names: [String]

    init(_ names: [String]) {
        self.names = names
        candidates = names.map { Array($0.utf8) }
    }

    /// The nearest name no further away than a sixth of the length, the first in order if several are.
    ///
    /// - Parameters:
    ///   - prefixLength: length of what was cut off before; it counts as length, not as work.
    ///   - budget: cells of distance tables that may still be computed.
    func nearest(to name: String, prefixLength: Int = 0, budget: inout Int) -> String? {
        let wanted = Array(name.utf8)
        var limit = min(8, 2 + (wanted.count + prefixLength) / 6)
        var best: Int?
        for index in candidates.indices {
            guard budget > 0, limit >= 0 else { break }
            let candidate = candidates[index]
            guard abs(candidate.count - wanted.count) <= limit else { continue }
            if let distance = Self.distance(wanted, candidate, limit: limit, budget: &budget) {
                best = index
                limit = distance - 1
            }
        }
        return best.map { names[$0] }
    }

    /// Levenshtein's distance in a band of `limit` around the diagonal; nil if it is larger.
    static func distance(_ a: [UInt8], _ b: [UInt8], limit: Int, budget: inout Int) -> Int? {
        guard abs(a.count - b.count) <= limit else { return nil }
        // Equal ends cost nothing, and most names share theirs.
        var start = 0
        while start < min(a.count, b.count), a[start] == b[start] { start += 1 }
        var end = 0
        while end < min(a.count, b.count) - start, a[a.count - 1 - end] == b[b.count - 1 - end] { end += 1 }
        let a = a[start..<(a.count - end)], b = b[start..<(b.count - end)]
        budget -= start + end + 1
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) <= limit ? max(a.count, b.count) : nil }

        let far = limit + 1
        var row = (0...b.count).map { min($0, far) }
        for (i, letter) in a.enumerated() {
            let low = max(0, i - limit), high = min(b.count - 1, i + limit)
            var diagonal = row[low]
            if low == 0 { row[0] = min(i + 1, far) } else { row[low] = far }
            var smallest = row[low]
            for j in low...max(low, high) where j < b.count {
                let above = row[j + 1]
                let replaced = diagonal + (letter == b[b.startIndex + j] ? 0 : 1)
                row[j + 1] = min(replaced, min(above, row[j]) + 1, far)
                smallest = min(smallest, row[j + 1])
                diagonal = above
            }
            budget -= high - low + 2
            if smallest > limit { return nil }
        }
        return row[b.count] <= limit ? row[b.count] : nil
    }
}
