internal import Glibc

/// What `torch.randn` draws on a CUDA device for a seed, as the Stable Diffusion web UIs reproduce it on any machine
/// (`randn_source` "NV"): number i of draw d is made of the Philox words at the counter (d, 0, i, 0).
///
/// Box and Muller with u, v the first two words, each moved to the middle of its step: √(−2 ln u) · sin 2πv. The steps
/// 2⁻³² and 2π·2⁻³² are f32 constants in CUDA's headers; all else is f64, rounded at the end. A device whose grid is
/// smaller than the draw counts otherwise, so this holds for the sizes of latents, not for any tensor.
package struct PhiloxNoise: NoiseSource {
    private static let step = Double(Float(2.3283064e-10))
    private static let angleStep = Double(Float(2.3283064e-10 * 6.2831855))
    private let philox: Philox
    /// Draws so far.
    private var offset: UInt32 = 0

    package var seed: UInt64 { philox.key }

    package init(seed: UInt64) {
        philox = Philox(key: seed)
    }

    package mutating func fill(_ numbers: UnsafeMutableBufferPointer<Float>) {
        for index in numbers.indices {
            let words = philox.words(at: SIMD4(offset, 0, UInt32(truncatingIfNeeded: index), 0))
            let uniform = Double(words.x) * Self.step + Self.step / 2
            let angle = Double(words.y) * Self.angleStep + Self.angleStep / 2
            numbers[index] = Float((-2 * log(uniform)).squareRoot() * sin(angle))
        }
        offset &+= 1
    }
}
