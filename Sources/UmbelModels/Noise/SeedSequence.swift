/// Seeds from a seed: NumPy's `SeedSequence`, after O'Neill's `seed_seq` (www.pcg-random.org, "Developing a seed_seq
/// alternative"). The seed's words are mixed into a pool, each word with every other, and the pool is mixed out again.
struct SeedSequence {
    private static let mixIn = (start: UInt32(0x43b0_d7e5), factor: UInt32(0x931e_8875))
    private static let mixOut = (start: UInt32(0x8b51_f9dd), factor: UInt32(0x58f3_8ded))
    private let pool: [UInt32]

    /// - Parameters:
    ///   - seed: `entropy`.
    ///   - path: `spawn_key`, which tells sequences of the same seed apart.
    ///   - size: words of the pool.
    init(seed: UInt64, path: [UInt64] = [], size: Int) {
        var words = Self.words(of: seed)
        if !path.isEmpty {
            words += Array(repeating: 0, count: max(size - words.count, 0)) + path.flatMap(Self.words)
        }
        var hash = Hash(constant: Self.mixIn.start, factor: Self.mixIn.factor)
        var pool = (0..<size).map { hash($0 < words.count ? words[$0] : 0) }
        for source in 0..<size {
            for place in 0..<size where place != source { pool[place] = Self.mix(pool[place], hash(pool[source])) }
        }
        for word in words.dropFirst(size) {
            for place in 0..<size { pool[place] = Self.mix(pool[place], hash(word)) }
        }
        self.pool = pool
    }

    /// The first words of `generate_state`.
    func words(_ count: Int) -> [UInt32] {
        var hash = Hash(constant: Self.mixOut.start, factor: Self.mixOut.factor)
        return (0..<count).map { hash(pool[$0 % pool.count]) }
    }

    /// The lowest first; one word for 0.
    private static func words(of number: UInt64) -> [UInt32] {
        let (low, high) = (UInt32(truncatingIfNeeded: number), UInt32(number >> 32))
        return high == 0 ? [low] : [low, high]
    }

    private static func mix(_ first: UInt32, _ second: UInt32) -> UInt32 {
        let mixed = 0xca01_f9dd &* first &- 0x4973_f715 &* second
        return mixed ^ mixed >> 16
    }

    /// Another function at every call.
    private struct Hash {
        var constant: UInt32
        let factor: UInt32

        mutating func callAsFunction(_ word: UInt32) -> UInt32 {
            var word = word ^ constant
            constant &*= factor
            word &*= constant
            return word ^ word >> 16
        }
    }
}
