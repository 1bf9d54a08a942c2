internal import Glibc

/// The standard normal distribution.
package enum Normal {
    /// P(Z ≤ x), by the complementary error function.
    package static func cumulative(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }
}
