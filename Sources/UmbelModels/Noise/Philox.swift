/// Philox 4×32 with ten rounds: a random function from a counter of 128 bits and a key of 64 to 128 bits, without
/// state. Salmon and others, "Parallel random numbers: as easy as 1, 2, 3", 2011
package struct Philox {
    private static let rounds = 10
    /// 2³² times the golden ratio less one, and times √3 less one.
    private static let weyl: (UInt32, UInt32) = (0x9e37_79b9, 0xbb67_ae85)
    private static let multiplier: (UInt32, UInt32) = (0xd251_1f53, 0xcd9e_8d57)
    package let key: UInt64

    /// The four words that belong to a counter of four words, the lowest first.
    package func words(at counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
        var words = counter
        var (low, high) = (UInt32(truncatingIfNeeded: key), UInt32(key >> 32))
        for _ in 0..<Self.rounds {
            let first = Self.multiplier.0.multipliedFullWidth(by: words.x)
            let second = Self.multiplier.1.multipliedFullWidth(by: words.z)
            words = SIMD4(second.high ^ words.y ^ low, second.low, first.high ^ words.w ^ high, first.low)
            low &+= Self.weyl.0
            high &+= Self.weyl.1
        }
        return words
    }
}
