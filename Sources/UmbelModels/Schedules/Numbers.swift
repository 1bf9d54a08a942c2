internal import UmbelTensor

/// The numbers of the latents of a picture, or of several, in somebody's memory, and the arithmetic that steps are made
/// of. Sums are rounded to f32 term by term.
package struct Numbers {
    let start: UnsafeMutablePointer<Float>
    let count: Int
    /// How many pictures the numbers are, one after the other.
    let pictures: Int

    init(start: UnsafeMutablePointer<Float>, count: Int, pictures: Int = 1) {
        self.start = start
        self.count = count
        self.pictures = pictures
    }

    /// A row of a matrix.
    init(_ matrix: Matrix, row: Int = 0) {
        self.init(start: matrix.row(row), count: matrix.columns)
    }

    var buffer: UnsafeMutableBufferPointer<Float> { UnsafeMutableBufferPointer(start: start, count: count) }

    func copy(_ other: Numbers) { start.update(from: other.start, count: count) }

    func scale(by weight: Double) {
        let weight = Float(weight)
        for index in 0..<count { start[index] *= weight }
    }

    /// Becomes weight · other.
    func set(_ weight: Double, _ other: Numbers) {
        let weight = Float(weight)
        for index in 0..<count { start[index] = weight * other.start[index] }
    }

    /// Adds weight · other.
    func add(_ weight: Double, _ other: Numbers) {
        let weight = Float(weight)
        for index in 0..<count { start[index] += weight * other.start[index] }
    }

    /// Becomes a mix of the sample and the model's answer. May be the sample itself.
    func set(_ mix: Prediction.Mix, sample: Numbers, output: Numbers) {
        let (first, second) = (Float(mix.sample), Float(mix.output))
        // A weight of 0 is no term: 0 times the infinity of an overflown sample would be no number.
        guard first != 0 else { return set(mix.output, output) }
        for index in 0..<count { start[index] = first * sample.start[index] + second * output.start[index] }
    }
}
