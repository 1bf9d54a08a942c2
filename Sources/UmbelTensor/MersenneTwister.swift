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

    /// The first `count` of a random permutation of `0..<total`, as `torch.randperm` draws it: from i = 0 on, swap i with
    /// one of those not yet placed. Only the swaps that the result shows are made.
    ///
    /// - Precondition: `count <= total`.
    package mutating func permutation(first count: Int, of total: Int) -> [Int] {
        precondition(count <= total)
        // From here on PyTorch draws 64 bits, the high half first: ATen `randperm_cpu`.
        let isWide = total >= Int(UInt32.max) / 20
        var moved: [Int: Int] = [:]
        var result: [Int] = []
        result.reserveCapacity(count)
        for index in 0..<count {
            var chosen = index
            if index < total - 1 {
                var word = UInt64(next())
                if isWide { word = word << 32 | UInt64(next()) }
                chosen += Int(word % UInt64(total - index))
            }
            result.append(moved[chosen] ?? chosen)
            moved[chosen] = moved[index] ?? index
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
