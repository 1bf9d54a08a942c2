import Foundation
import Testing

/// Damages seeds at random, reproducibly: the same seed gives the same inputs.
package struct Fuzzer {
    private var state: UInt64
    private let iterations: Int

    /// UMBEL_FUZZ_ITERATIONS (2000) and UMBEL_FUZZ_SEED (1).
    package init() {
        let environment = ProcessInfo.processInfo.environment
        iterations = environment["UMBEL_FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 2000
        state = environment["UMBEL_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
    }

    /// SplitMix64.
    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    package mutating func index(below limit: Int) -> Int { Int(next() % UInt64(max(1, limit))) }

    /// Calls `body` with damaged copies of the seeds. What is expected of each is recorded with the fuzzer's seed.
    package mutating func run(_ seeds: [[UInt8]], _ body: ([UInt8]) throws -> Void) throws {
        for iteration in 0..<iterations {
            let before = state
            var bytes = seeds[index(below: seeds.count)]
            for _ in 0...index(below: 4) { damage(&bytes) }
            do {
                try body(bytes)
            } catch {
                Issue.record("iteration \(iteration), UMBEL_FUZZ_SEED=\(before): \(error)")
                throw error
            }
        }
    }

    /// Characters that mean something in the texts that are damaged.
    private static let marks = Array("{}[]()\",:0-1e.+*?|^$\\ \n".utf8)

    private mutating func damage(_ bytes: inout [UInt8]) {
        let position = index(below: bytes.count)
        switch index(below: 7) {
        case 0 where !bytes.isEmpty: bytes[position] = UInt8(truncatingIfNeeded: next())
        case 1 where !bytes.isEmpty: bytes[position] ^= 1 << UInt8(index(below: 8))
        case 2: bytes.insert(Self.marks[index(below: Self.marks.count)], at: position)
        case 3 where !bytes.isEmpty: bytes.remove(at: position)
        case 4: bytes.removeSubrange(position..<min(bytes.count, position + index(below: 16)))
        case 5: bytes.insert(contentsOf: bytes[position..<min(bytes.count, position + index(below: 24))], at: position)
        default: bytes.removeLast(min(bytes.count, index(below: 8)))
        }
    }
}
