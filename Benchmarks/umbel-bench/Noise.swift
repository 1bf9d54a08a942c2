import UmbelTensor

/// Numbers that look like weights: uniform around zero with a standard deviation of 1, the same in every run. They repeat
/// after some million, which no kernel can notice.
struct Noise {
    /// A prime, so that rows of a matrix do not repeat.
    private static let count = 1_048_583
    private let values: Matrix

    init(seed: UInt64 = 1) {
        values = Matrix(rows: 1, columns: Self.count)
        var state = seed
        for index in 0..<Self.count {
            // SplitMix64
            state &+= 0x9e37_79b9_7f4a_7c15
            var bits = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
            bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
            let unit = Float((bits ^ (bits >> 31)) >> 40) * 0x1p-24
            values.start[index] = (2 * unit - 1) * 1.732
        }
    }

    /// Numbers of a standard deviation for a whole matrix.
    func fill(_ matrix: Matrix, _ deviation: Float) {
        for index in 0..<matrix.count { matrix.start[index] = deviation * values.start[index % Self.count] }
    }

    /// The whole supply, scaled and shifted, in a storage type.
    func bytes(_ fill: Fill, as dtype: DType) -> [UInt8] {
        let scaled = Matrix(rows: 1, columns: Self.count)
        for index in 0..<Self.count { scaled.start[index] = fill.mean + fill.deviation * values.start[index] }
        let view = TensorView(
            dtype: .f32, shape: [Self.count],
            bytes: UnsafeRawBufferPointer(start: scaled.start, count: 4 * Self.count), owner: scaled)
        return view.converted(0..<Self.count, to: dtype)
    }
}

/// What a generated tensor is filled with.
struct Fill: Hashable {
    var mean: Float = 0
    var deviation: Float = 0

    static func noise(_ deviation: Float, around mean: Float = 0) -> Fill { Fill(mean: mean, deviation: deviation) }
    static func constant(_ value: Float) -> Fill { Fill(mean: value) }
}

/// Gives out bytes of `Noise`, each tensor from where the last one ended.
final class NoiseSource {
    private let noise = Noise()
    private let dtype: DType
    private var supplies: [Fill: [UInt8]] = [:]
    private var position = 0

    init(dtype: DType) {
        self.dtype = dtype
    }

    /// Passes `count` elements to `sink`, in pieces.
    func produce(_ count: Int, _ fill: Fill, to sink: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        let supply = supplies[fill] ?? noise.bytes(fill, as: dtype)
        supplies[fill] = supply
        var left = count * dtype.byteCount
        try supply.withUnsafeBytes { bytes in
            while left > 0 {
                if position >= bytes.count { position = 0 }
                let piece = min(left, bytes.count - position)
                try sink(UnsafeRawBufferPointer(rebasing: bytes[position..<position + piece]))
                position += piece
                left -= piece
            }
        }
    }
}
