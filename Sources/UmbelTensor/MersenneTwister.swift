/// Mersenne Twister 19937: the generator behind PyTorch's CPU seeds, so what an adapter says it drew with
/// `torch.Generator().manual_seed(s)` can be drawn again.     Matsumoto and Nishimura 1998
package struct MersenneTwister {
    private static let size = 624
    private var state: [UInt32]
    private var position = size

    package init(seed: UInt32) {
        state = [seed]
        state.reserveCapacity(Self.size)
        var last = seed
        for index in 1..<UInt32(Self.size) {
            last = 1_812_433_253 &* (last ^ (last >> 30)) &+ index
            state.append(last)
        }
    }

    /// The next 32 bits.
    package mutating func next() -> UInt32 {
        if position == Self.size { twist() }
        var word = state[position]
        position += 1
        word ^= word >> 11
        word ^= (word << 7) & 0x9d2c_5680
        word ^= (word << 15) & 0xefc6_0000
        return word ^ (word >> 18)
    }

    /// A number in [0, 1) of 24 bits, as `torch.Tensor.uniform_` draws an f32.
    package mutating func nextUnit() -> Float {
        Float(next() & 0xff_ffff) * 0x1p-24
    }

    /// From this size on `torch.randperm` shuffles in another way, with draws of 64 bits.
    package static let wideFrom = Int(UInt32.max) / 20

    /// The first `count` of a random permutation of `0..<total`, as `torch.randperm` draws it (ATen `randperm_cpu`).
    ///
    /// Below `wideFrom`: from i = 0 on, swap i with one of those not yet placed; only the swaps that the result shows are
    /// made.
    ///
    /// - Precondition: `count <= total`.
    package mutating func permutation(first count: Int, of total: Int, wideFrom: Int = Self.wideFrom) -> [Int] {
        precondition(count <= total)
        if total >= wideFrom { return widePermutation(first: count, of: total) }
        var moved: [Int: Int] = [:]
        var result: [Int] = []
        result.reserveCapacity(count)
        for index in 0..<count {
            // The last one has no choice, and PyTorch draws none for it.
            let chosen = index < total - 1 ? index + Int(next()) % (total - index) : index
            result.append(moved[chosen] ?? chosen)
            moved[chosen] = moved[index] ?? index
        }
        return result
    }

    /// The inside-out shuffle: i goes to a random place of `0...i`, and what was there goes to i. What leaves the first
    /// `count` places never comes back, so only those are kept, but every step must be drawn.
    private mutating func widePermutation(first count: Int, of total: Int) -> [Int] {
        var result: [Int] = []
        result.reserveCapacity(count)
        for index in 0..<total {
            let high = UInt64(next())
            let place = Int((high << 32 | UInt64(next())) % UInt64(index + 1))
            if index < count { result.append(place < index ? result[place] : index) }
            if place < count { result[place] = index }
        }
        return result
    }

    private mutating func twist() {
        for index in 0..<Self.size {
            let word = state[index] & 0x8000_0000 | state[(index + 1) % Self.size] & 0x7fff_ffff
            state[index] = state[(index + 397) % Self.size] ^ (word >> 1) ^ (word & 1 == 0 ? 0 : 0x9908_b0df)
        }
        position = 0
    }
}
