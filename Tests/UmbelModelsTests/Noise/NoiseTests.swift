import Testing
import UmbelFormats

@testable import UmbelModels

@Suite("Noise of a seed")
struct NoiseTests {
    /// An entry of noise.json.
    struct Case: CustomTestStringConvertible, Sendable {
        let fields: JSON
        var seed: UInt64 {
            if case .number(let text)? = fields["seed"] { return UInt64(text) ?? 0 }
            return 0
        }
        var draws: [[Float]] { fields["draws"]?.array?.compactMap(\.floats) ?? [] }
        var testDescription: String { "seed \(seed), \(draws.map(\.count))" }

        static func all(_ kind: String) -> [Case] {
            ((try? ScheduleFixtures.json("noise.json"))?[kind]?.array ?? []).map(Case.init)
        }
    }

    @Test("Torch's CPU draws, long, short and one after the other", arguments: Case.all("torch"))
    func torch(_ expected: Case) {
        var noise = TorchNoise(seed: expected.seed)
        #expect(!expected.draws.isEmpty)
        for draw in expected.draws {
            let numbers = noise.draw(draw.count)
            for (number, other) in zip(numbers, draw) { #expect(abs(number - other) < 1e-6) }
        }
    }

    @Test("CUDA's draws as the web UIs reproduce them", arguments: Case.all("philox"))
    func philox(_ expected: Case) {
        var noise = PhiloxNoise(seed: expected.seed)
        #expect(expected.draws.count == 2)
        for draw in expected.draws {
            let numbers = noise.draw(draw.count)
            for (number, other) in zip(numbers, draw) { #expect(abs(number - other) < 1e-6) }
        }
    }

    @Test("Seeds of a seed are those of NumPy")
    func seedSequence() throws {
        let cases = try #require(ScheduleFixtures.json("noise.json")["seeds"]?.array)
        #expect(cases.count == 8)
        for fields in cases {
            let path = fields["path"]?.array?.compactMap { $0.integer.map(UInt64.init) } ?? []
            let size = try #require(fields["size"]?.integer)
            let sequence = SeedSequence(seed: Case(fields: fields).seed, path: path, size: size)
            let words = fields["words"]?.array?.compactMap { $0.integer.map(UInt32.init) } ?? []
            #expect(words.count == 30)
            #expect(sequence.words(words.count) == words)
        }
    }

    @Test("Pieces of a Brownian motion are those of torchsde, in whatever order they are asked for")
    func brownianTree() throws {
        let cases = try #require(ScheduleFixtures.json("noise.json")["brownian"]?.array)
        #expect(cases.count == 12)
        for fields in cases.reversed() {
            let times = try #require(fields["times"]?.array).compactMap(\.double)
            let wanted = try #require(fields["increments"]?.floats)
            let tree = BrownianTree<TorchNoise>(
                seed: Case(fields: fields).seed, count: wanted.count, from: times[0], to: times[1])
            #expect(relativeDifference(tree.increments(times[2], times[3]), wanted) < 1e-5, "\(times)")
        }
    }

    @Test("Both kinds have cases")
    func hasCases() {
        #expect(Case.all("torch").count == 54)
        #expect(Case.all("philox").count == 7)
    }

    /// `kat_vectors` of the authors' Random123.
    @Test(
        "Philox 4x32-10 gives its authors' known answers",
        arguments: [
            (SIMD4<UInt32>.zero, UInt64(0), SIMD4<UInt32>(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)),
            (
                SIMD4(repeating: .max), .max, SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd)
            ),
            (
                SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), 0x299f_31d0_a409_3822,
                SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1)
            ),
        ])
    func knownAnswers(_ counter: SIMD4<UInt32>, _ key: UInt64, _ words: SIMD4<UInt32>) {
        #expect(Philox(key: key).words(at: counter) == words)
    }

    /// The web UIs print these for seed 0.
    @Test("CUDA's first numbers for seed 0 are those that are known")
    func firstNumbers() {
        var noise = PhiloxNoise(seed: 0)
        let known: [Float] = [-0.92466259, -0.42534415, -2.6438457, 0.14518388, -0.12086647, -0.57972564]
        for (number, other) in zip(noise.draw(6), known) { #expect(abs(number - other) < 1e-6) }
    }

    @Test("A draw of nothing changes nothing, and torch's seeds are taken by their lower 32 bits")
    func edges() {
        var noise = TorchNoise(seed: 9)
        #expect(noise.draw(0) == [])
        var other = TorchNoise(seed: 9 + 1 << 32)
        #expect(noise.draw(33) == other.draw(33))
    }

    @Test("The second draw of CUDA's generator is not the first")
    func philoxMovesOn() {
        var noise = PhiloxNoise(seed: 1)
        #expect(noise.draw(8) != noise.draw(8))
    }
}
