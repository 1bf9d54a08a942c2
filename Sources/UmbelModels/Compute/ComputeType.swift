internal import CUmbelCompute
internal import UmbelTensor

/// What the factors of products are rounded to. Sums, and everything between layers, are f32 in either case.
package enum ComputeType: String, CaseIterable, Sendable {
    /// Weights of fewer bits are widened.
    case f32
    /// Half the memory, and twice as fast on processors that multiply pairs of it.
    case bf16

    /// bf16 where the processor multiplies pairs of it, else f32.
    package static var fastest: ComputeType { KernelSet.chosen == "avx512_bf16" ? .bf16 : .f32 }

    /// As people write it: "auto" for the fastest. nil for other words.
    package init?(setting: String) {
        guard let type = setting == "auto" ? Self.fastest : Self(rawValue: setting) else { return nil }
        self = type
    }

    var unit: umbel_unit { self == .f32 ? UMBEL_NUMBERS : UMBEL_PAIRS }

    /// Numbers of a unit of 32 bits.
    var unitNumbers: Int { self == .f32 ? 1 : 2 }

    /// How many units hold so many numbers.
    func units(_ count: Int) -> Int { (count + unitNumbers - 1) / unitNumbers }
}
