import Glibc

/// Random numbers that can be had again (SplitMix64, Steele, Lea and Flood 2014).
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Numbers in -1...1 that f16, bf16 and f32 can all hold, so that rounding the inputs plays no part.
    package mutating func values(_ count: Int, scale: Float = 1) -> [Float] {
        (0..<count).map { _ in Float(Int.random(in: -64...64, using: &self)) / 64 * scale }
    }

    /// Removes, repeats, exchanges or invents a few bytes.
    package mutating func mutate(_ bytes: inout [UInt8], dictionary: [String]) {
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            let place = Int.random(in: 0...bytes.count, using: &self)
            let end = min(bytes.count, place + Int.random(in: 0...8, using: &self))
            switch Int.random(in: 0..<4, using: &self) {
            case 0: bytes.removeSubrange(place..<end)
            case 1: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 2: bytes.insert(contentsOf: (dictionary.randomElement(using: &self) ?? "").utf8, at: place)
            default: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &self) }
            }
        }
    }
}

/// How often a fuzz test tries, and from which seed: `UMBEL_FUZZ_ITERATIONS` and `UMBEL_FUZZ_SEED`.
///
/// Each iteration has a seed of its own, which the failure names: set it, with one iteration, to see it again.
package enum Fuzz {
    package static let iterations = number("UMBEL_FUZZ_ITERATIONS") ?? 2000
    package static let seed = number("UMBEL_FUZZ_SEED").map { UInt64($0) } ?? 20_240_229

    package static func run(_ body: (inout SeededGenerator, _ seed: String) throws -> Void) rethrows {
        for iteration in 0..<UInt64(iterations) {
            var generator = SeededGenerator(seed: seed &+ iteration)
            try body(&generator, "UMBEL_FUZZ_SEED=\(seed &+ iteration) UMBEL_FUZZ_ITERATIONS=1")
        }
    }

    private static func number(_ name: String) -> Int? {
        getenv(name).flatMap { Int(String(cString: $0)) }.flatMap { $0 >= 0 ? $0 : nil }
    }
}
