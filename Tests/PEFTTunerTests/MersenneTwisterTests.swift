import Testing
import UmbelTensor

@Suite struct MersenneTwisterTests {
    /// From the reference program `mt19937ar` and the C++ standard ([rand.predef]).
    @Test func itDrawsTheReferenceSequence() {
        var generator = MersenneTwister(seed: 5489)
        #expect(generator.next() == 3_499_211_612)
        for _ in 0..<9998 { _ = generator.next() }
        #expect(generator.next() == 4_123_659_995)
    }

    /// `torch.empty(3).uniform_(0, 1, generator=torch.Generator().manual_seed(17))` · 2²⁴
    @Test func unitsAreTorchUniforms() {
        var generator = MersenneTwister(seed: 17)
        #expect([7_285_359, 8_977_649, 13_928_591] == (0..<3).map { _ in generator.nextUnit() * 0x1p24 })
    }

    /// `torch.randperm(10, …manual_seed(3))` and the first of `torch.randperm(1000, …manual_seed(777))`
    @Test func permutationsAreTorchPermutations() {
        var whole = MersenneTwister(seed: 3)
        #expect(whole.permutation(first: 10, of: 10) == [6, 0, 3, 7, 8, 5, 1, 9, 2, 4])
        var start = MersenneTwister(seed: 777)
        #expect(start.permutation(first: 5, of: 1000) == [735, 819, 201, 799, 435])
    }

    /// Real ones begin at 214 million elements: `torch.randperm(220_000_000, …manual_seed(9))` begins 42849823, 142754008,
    /// which the optimised build reproduces in a second.
    @Test(arguments: [1, 2, 5, 20], [1, 7, 20, 100])
    func wideStartsAreThoseOfTheWholeShuffle(count: Int, total: Int) {
        guard count <= total else { return }
        var (ours, naive) = (MersenneTwister(seed: 11), MersenneTwister(seed: 11))
        var shuffled: [Int] = []
        for index in 0..<total {
            let high = UInt64(naive.next())
            let place = Int((high << 32 | UInt64(naive.next())) % UInt64(index + 1))
            shuffled.append(index)
            shuffled.swapAt(index, place)
        }
        #expect(ours.permutation(first: count, of: total, wideFrom: 1) == Array(shuffled.prefix(count)))
    }
}
