import Glibc
import UmbelTesting

/// Where the simulated values of a metric come from.
enum Draws: String, CaseIterable, Sendable {
    case normal, exponential, logNormal, rare, even

    func next(_ generator: inout SeededGenerator) -> Double {
        switch self {
        case .normal: generator.normal()
        case .exponential: -log(1 - generator.unit())
        case .logNormal: exp(generator.normal())
        case .rare: generator.unit() < 0.05 ? 1 : 0
        case .even: generator.unit() < 0.5 ? 1 : 0
        }
    }
}

extension SeededGenerator {
    /// In [0, 1).
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Box and Muller 1958.
    mutating func normal() -> Double {
        (-2 * log(1 - unit())).squareRoot() * cos(2 * Double.pi * unit())
    }
}

/// |actual − expected| ≤ tolerance·|expected|.
func agree(_ actual: Double, _ expected: Double, _ tolerance: Double = 1e-10) -> Bool {
    actual == expected || abs(actual - expected) <= tolerance * abs(expected)
}
