/// Where the normal noise of a picture comes from: numbers of mean 0 and variance 1, one draw after the other.
///
/// A source belongs to one picture. What it draws depends on its seed, on the draws before and on their lengths, so
/// whoever repeats a picture asks for the same lengths in the same order: first the latents, channels before rows
/// before columns, then whatever the schedule wants at its steps.
package protocol NoiseSource: Sendable {
    /// What the numbers follow from.
    var seed: UInt64 { get }

    init(seed: UInt64)

    /// Fills all of `numbers`.
    mutating func fill(_ numbers: UnsafeMutableBufferPointer<Float>)
}

extension NoiseSource {
    /// The next `count` numbers.
    package mutating func draw(_ count: Int) -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            fill(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            filled = count
        }
    }
}
