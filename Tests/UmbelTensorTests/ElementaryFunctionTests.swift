import Glibc
import Testing
import UmbelTensor
import UmbelTesting

/// Against the C library, which is right to the last unit but not always in it.
@Suite struct ElementaryFunctionTests {
    /// Units in the last place of the expected number.
    private func error(_ found: Double, _ expected: Double) -> Double {
        if found == expected || (found.isNaN && expected.isNaN) { return 0 }
        return abs(found - expected) / max(expected.ulp, .leastNonzeroMagnitude)
    }

    private static let angles: [Double] = {
        var random = SeededGenerator(seed: 1)
        let dense = (-20_000...20_000).map { Double($0) / 1000 }
        let quarters = (-50...50).flatMap { n -> [Double] in
            let place = Double(n) * Double.pi / 4
            return [place.nextDown, place, place.nextUp]
        }
        let wide = (0..<20_000).map { _ in
            Double.random(in: -2...2, using: &random)
                * Double(sign: .plus, exponent: Int.random(in: -60...1020, using: &random), significand: 1)
        }
        let singles = (0..<20_000).map { _ in Double(Float.random(in: -100...100, using: &random)) }
        return dense + quarters + wide + singles
            + [0, .leastNonzeroMagnitude, 0x1p-1022, 0.75, .greatestFiniteMagnitude]
    }()

    @Test func `sine and cosine are right to the last place at every size of angle`() {
        let sines = Self.angles.map { error(ElementaryFunctions.sine($0), sin($0)) }
        let cosines = Self.angles.map { error(ElementaryFunctions.cosine($0), cos($0)) }
        #expect((sines.max() ?? 9) <= 1)
        #expect((cosines.max() ?? 9) <= 1)
    }

    @Test func `the number of 53 bits that is nearest to a multiple of a quarter turn has the right cosine`() {
        // 6381956970095103·2⁷⁹⁷, computed with 2,600 bits of π; the C library is several units off here.
        #expect(ElementaryFunctions.cosine(6381956970095103.0 * 0x1p797) == -0x1.14ae72e6ba22fp-61)
    }

    @Test func `the exponential function is right to the last place, down to subnormal results`() {
        var random = SeededGenerator(seed: 2)
        let values =
            (-7500...7100).map { Double($0) / 10 }
            + (0..<20_000).map { _ in Double.random(in: -40...1, using: &random) }
            + [
                0, -0.0, 1, -1, .leastNonzeroMagnitude, -1e-20, 709.782712893384, -745.13, -708.4, 0.34657359027997264,
                -0.34657359027997264,
            ]
        let errors = values.map { error(ElementaryFunctions.exponential($0), exp($0)) }
        #expect((errors.max() ?? 9) <= 1)
    }

    @Test func `what has no value, or one that no number holds`() {
        for x in [Double.infinity, -.infinity, .nan] {
            #expect(ElementaryFunctions.sine(x).isNaN)
            #expect(ElementaryFunctions.cosine(x).isNaN)
        }
        #expect(ElementaryFunctions.exponential(.nan).isNaN)
        #expect(ElementaryFunctions.exponential(.infinity) == .infinity)
        #expect(ElementaryFunctions.exponential(710) == .infinity)
        #expect(ElementaryFunctions.exponential(-.infinity) == 0)
        #expect(ElementaryFunctions.exponential(-1000) == 0)
        #expect(ElementaryFunctions.exponential(0) == 1)
        #expect(ElementaryFunctions.cosine(0) == 1)
    }

    @Test func `the bits are those that were computed once, whatever the CPU and the C library`() {
        var digest: UInt64 = 0xcbf2_9ce4_8422_2325
        for angle in Self.angles {
            for value in [
                ElementaryFunctions.sine(angle), ElementaryFunctions.cosine(angle),
                ElementaryFunctions.exponential(angle),
            ] {
                digest = (digest ^ value.bitPattern) &* 0x100_0000_01b3
            }
        }
        #expect(digest == 4_511_039_228_098_459_572)
    }
}
