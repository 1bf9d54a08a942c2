internal import Glibc
internal import UmbelPOSIX

/// Which arm a key belongs to: weighted rendezvous hashing (Schindelhauer, Schomaker 2005; highest random weight of
/// Thaler, Ravishankar 1998).
///
/// Each arm gets the score −w / ln h(route, key, arm) with h uniform in (0, 1), and the highest wins, which happens with
/// probability w / Σw. It depends on nothing but these words and numbers, so every process says the same. When one arm's
/// weight changes relative to the others, keys move to it or away from it and between no others. Where several weights
/// change at once, at most 2d/(1+d) of the keys move, d being the part that must (the total variation between the two
/// splits): no rule that knows only key and weights can promise less (Bavarian et al., arXiv 1612.01041).
package enum Assignment {
    /// - Returns: the index of the key's arm; nil if every weight is 0.
    package static func arm(of key: String, route: String, arms: [TrafficRoute.Arm]) -> Int? {
        var best: (index: Int, score: Double)?
        let hash = number("key", route, key)
        for (index, arm) in arms.enumerated() where arm.weight > 0 {
            let score = -arm.weight / log(uniform(hash, number("arm", route, arm.name)))
            if best.map({ score > $0.score }) ?? true { best = (index, score) }
        }
        return best?.index
    }

    /// A random arm, by weight.
    package static func random(_ arms: [TrafficRoute.Arm], using generator: inout some RandomNumberGenerator) -> Int? {
        let total = arms.reduce(0) { $0 + $1.weight }
        guard total > 0 else { return nil }
        var rest = Double.random(in: 0..<total, using: &generator)
        for (index, arm) in arms.enumerated() where arm.weight > 0 {
            rest -= arm.weight
            if rest < 0 { return index }
        }
        return arms.lastIndex { $0.weight > 0 }
    }

    /// The key's number in (0, 1) for a shadow: the same keys are copied as long as the share does not shrink.
    static func position(of key: String, route: String, shadow: String) -> Double {
        uniform(number("key", route, key), number("shadow", route, shadow))
    }

    /// What stands for a key where it is counted.
    static func hash(of key: String, route: String) -> UInt64 { number("key", route, key) }

    /// In (0, 1), of a key and an arm: SplitMix64's finalizer (Steele, Lea, Flood 2014) over both. 53 bits, in the middle of
    /// their interval, so that it is never 0 and never 1.
    private static func uniform(_ key: UInt64, _ arm: UInt64) -> Double {
        (Double(mix(mix(key) ^ arm) >> 11) + 0.5) * 0x1p-53
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Stands for the words, each with its length before it: a collision would need one of SHA-256's first 64 bits.
    private static func number(_ words: String...) -> UInt64 {
        SHA256.number(of: words.map { "\($0.utf8.count):\($0)" }.joined())
    }
}
