import Testing
import UmbelModels
import UmbelTensor

/// Numbers around zero that are the same in every run.
struct Samples {
    private var state: UInt64

    init(_ seed: Int = 1) { state = UInt64(seed) }

    /// Uniform in (−1, 1).
    mutating func next() -> Float {
        // SplitMix64
        state &+= 0x9e37_79b9_7f4a_7c15
        var bits = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
        return Float(bits >> 40) * 0x1p-23 - 1
    }

    mutating func values(_ count: Int) -> [Float] { (0..<count).map { _ in next() } }

    mutating func matrix(_ rows: Int, _ columns: Int) -> Matrix {
        Matrix(rows: rows, columns: columns, values: values(rows * columns))
    }

    mutating func map(_ batch: Int, _ height: Int, _ width: Int, _ channels: Int) -> FeatureMap {
        FeatureMap(batch: batch, height: height, width: width, matrix(batch * height * width, channels))
    }

    mutating func tensor(_ shape: [Int]) -> TensorView {
        let matrix = matrix(1, shape.reduce(1, *))
        let bytes = UnsafeRawBufferPointer(start: matrix.start, count: matrix.count * 4)
        return TensorView(dtype: .f32, shape: shape, bytes: bytes, owner: matrix)
    }
}

/// How far numbers are from others, relative to the largest of those; infinite if one is no number.
func distance(_ found: [Float], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    let magnitude = expected.reduce(1e-30) { max($0, $1.magnitude) }
    return zip(found, expected).reduce(0) { largest, pair in
        let distance = (Double(pair.0) - pair.1).magnitude
        return distance.isNaN ? .infinity : max(largest, distance)
    } / magnitude
}

extension Float {
    /// Rounded to bf16 and widened again.
    var asBFloat: Float { Float(bitPattern: (bitPattern + 0x7fff + ((bitPattern >> 16) & 1)) & 0xffff_0000) }
}
