internal import Glibc
internal import UmbelTensor

/// What `torch.randn` draws in f32 on a CPU with `torch.Generator().manual_seed(seed)`, to a few units in the last
/// place (torch takes its functions from polynomials).
///
/// Torch has two ways, by the length of a draw (ATen `normal_fill` and `normal_distribution`), both of Box and Muller:
///
/// - 16 numbers or more: all places get uniforms of 24 bits, then each full group of 16 is turned into normals where it
///   is: with u₁ = 1 − x[j], u₂ = x[j + 8], r = √(−2 ln u₁): x[j] = r cos 2πu₂, x[j + 8] = r sin 2πu₂. If the length is
///   no multiple of 16, the last 16 places are drawn again and turned.
/// - fewer: one at a time, in f64, from uniforms u₁, u₂ of 53 bits: r = √(−2 ln(1 − u₂)) gives r cos 2πu₁ now and
///   r sin 2πu₁ for the next number that is drawn in this way, however many draws later.
package struct TorchNoise: NoiseSource {
    private static let group = 16
    /// 2π to the nearest f32; Swift's own π is rounded down.
    private static let fullTurn = Float(2 * Double.pi)
    package let seed: UInt64
    private var generator: MersenneTwister
    /// The second number of a pair drawn in f64.
    private var spare: Double?

    /// - Parameter seed: torch takes 64 bits and uses the lower 32.
    package init(seed: UInt64) {
        self.seed = seed
        generator = MersenneTwister(seed: UInt32(truncatingIfNeeded: seed))
    }

    package mutating func fill(_ numbers: UnsafeMutableBufferPointer<Float>) {
        guard let start = numbers.baseAddress else { return }
        guard numbers.count >= Self.group else {
            for index in 0..<numbers.count { start[index] = Float(nextNormal()) }
            return
        }
        drawUniforms(start, count: numbers.count)
        for place in stride(from: 0, through: numbers.count - Self.group, by: Self.group) { Self.turn(start + place) }
        if numbers.count % Self.group > 0 {
            let last = start + numbers.count - Self.group
            drawUniforms(last, count: Self.group)
            Self.turn(last)
        }
    }

    private mutating func drawUniforms(_ start: UnsafeMutablePointer<Float>, count: Int) {
        for index in 0..<count { start[index] = generator.nextUnit() }
    }

    /// 16 uniforms into 16 normals; the angle and the radius are f32, as torch has them.
    private static func turn(_ group: UnsafeMutablePointer<Float>) {
        for index in 0..<8 {
            let logarithm = Float(log(Double(1 - group[index])))
            let radius = (-2 * logarithm).squareRoot()
            let angle = Double(fullTurn * group[index + 8])
            group[index] = radius * Float(cos(angle))
            group[index + 8] = radius * Float(sin(angle))
        }
    }

    private mutating func nextNormal() -> Double {
        if let spare {
            self.spare = nil
            return spare
        }
        let angle = 2 * Double.pi * nextUniform()
        let radius = (-2 * log1p(-nextUniform())).squareRoot()
        spare = radius * sin(angle)
        return radius * cos(angle)
    }

    /// 53 bits of two words, the upper one drawn first.
    private mutating func nextUniform() -> Double {
        let high = UInt64(generator.next())
        let word = high << 32 | UInt64(generator.next())
        return Double(word & (1 << 53 - 1)) * 0x1p-53
    }
}
