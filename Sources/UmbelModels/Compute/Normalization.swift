internal import CUmbelCompute
package import UmbelTensor

/// Groups of channels of a picture to mean 0 and variance 1, then each channel times a factor plus a shift.
package final class GroupNorm: Sendable {
    private let groups: Int
    private let epsilon: Double
    private let scale: [Float]
    private let shift: [Float]

    /// - Precondition: the channels, of which there is a scale and a shift each, make up whole groups.
    package init(groups: Int, epsilon: Double, scale: [Float], shift: [Float]) {
        precondition(scale.count == shift.count && groups > 0 && scale.count % groups == 0)
        (self.groups, self.epsilon, self.scale, self.shift) = (groups, epsilon, scale, shift)
    }

    /// Places whose sums are one part; the same for any number of threads, so that the sum is.
    private static let summed = 512

    /// - Parameter silu: whether x · sigmoid(x) is taken of the result.
    package func callAsFunction(_ x: FeatureMap, silu: Bool, pool: ComputePool) -> FeatureMap {
        precondition(x.channels == scale.count)
        let out = x.with(Matrix(rows: x.values.rows, columns: x.channels, pool: pool))
        let changes = changes(x, pool)
        let grain = 64
        let parts = (x.places + grain - 1) / grain
        pool.forEach(x.batch * parts) { index in
            let (picture, first) = (index / parts, index % parts * grain)
            let row = picture * x.places + first
            umbel_scale_shift(
                out.values.row(row), x.values.row(row), changes.row(2 * picture), changes.row(2 * picture + 1),
                min(grain, x.places - first), x.channels, silu ? 1 : 0)
        }
        return out
    }

    /// What each channel is multiplied by and what is added then, a row each for each picture.
    private func changes(_ x: FeatureMap, _ pool: ComputePool) -> Matrix {
        let sums = sums(x, pool)
        let changes = Matrix(rows: 2 * x.batch, columns: x.channels)
        let width = x.channels / groups
        let count = Double(width * x.places)
        for picture in 0..<x.batch {
            let start = picture * 2 * x.channels
            for group in 0..<groups {
                let channels = start + group * width..<start + (group + 1) * width
                let mean = sums[channels].reduce(0, +) / count
                let squares = channels.reduce(0) { $0 + sums[$1 + x.channels] } / count
                let factor = 1 / (max(0, squares - mean * mean) + epsilon).squareRoot()
                for channel in group * width..<(group + 1) * width {
                    let scaled = factor * Double(scale[channel])
                    changes[2 * picture, channel] = Float(scaled)
                    changes[2 * picture + 1, channel] = Float(Double(shift[channel]) - mean * scaled)
                }
            }
        }
        return changes
    }

    /// Σ x of each channel, then Σ x², picture after picture.
    private func sums(_ x: FeatureMap, _ pool: ComputePool) -> [Double] {
        let width = 2 * x.channels
        let parts = (x.places + Self.summed - 1) / Self.summed
        // Doubles in the memory of twice as many floats.
        let partial = Matrix(rows: x.batch * parts, columns: 2 * width, repeating: 0)
        pool.forEach(partial.rows) { index in
            let (picture, first) = (index / parts, index % parts * Self.summed)
            partial.row(index).withMemoryRebound(to: Double.self, capacity: width) { sums in
                umbel_channel_sums(
                    sums, x.values.row(picture * x.places + first), min(Self.summed, x.places - first), x.channels)
            }
        }
        var sums = [Double](repeating: 0, count: x.batch * width)
        for row in 0..<partial.rows {
            partial.row(row).withMemoryRebound(to: Double.self, capacity: width) { part in
                for column in 0..<width { sums[row / parts * width + column] += part[column] }
            }
        }
        return sums
    }
}

/// Each row to mean 0 and variance 1, then each column times a factor plus a shift.
package final class LayerNorm: Sendable {
    private let epsilon: Float
    private let scale: Matrix
    private let shift: Matrix

    /// - Precondition: as many shifts as scales.
    package init(epsilon: Double, scale: [Float], shift: [Float]) {
        precondition(scale.count == shift.count)
        self.epsilon = Float(epsilon)
        self.scale = Matrix(rows: 1, columns: scale.count, values: scale)
        self.shift = Matrix(rows: 1, columns: shift.count, values: shift)
    }

    package func callAsFunction(_ x: Matrix, pool: ComputePool) -> Matrix {
        factors(of: x, type: .f32, pool: pool).units
    }

    /// What it makes of the rows of `x`, as products of a type read it.
    func factors(of x: Matrix, type: ComputeType, pool: ComputePool) -> Factors {
        precondition(x.columns == scale.columns)
        return Factors(rows: x.rows, columns: x.columns, type: type, pool: pool) { rows, place in
            umbel_normalise_rows(
                place, x.row(rows.lowerBound), scale.start, shift.start, rows.count, x.columns, epsilon)
        }
    }
}

extension Weights {
    /// - Throws: if a tensor is missing or has another shape.
    package func groupNorm(
        _ name: String, channels: Int, groups: Int, epsilon: Double
    ) throws(ModelError) -> GroupNorm {
        guard groups > 0, channels % groups == 0 else {
            throw .unsupported(setting: "norm_num_groups", value: "\(groups) of \(channels) channels")
        }
        let scale = try tensor(name + ".weight", shape: [channels])
        let shift = try tensor(name + ".bias", shape: [channels])
        return GroupNorm(groups: groups, epsilon: epsilon, scale: scale.values(), shift: shift.values())
    }

    /// - Throws: if a tensor is missing or has another shape.
    package func layerNorm(_ name: String, size: Int, epsilon: Double = 1e-5) throws(ModelError) -> LayerNorm {
        let scale = try tensor(name + ".weight", shape: [size])
        let shift = try optionalTensor(name + ".bias", shape: [size])?.values()
        return LayerNorm(
            epsilon: epsilon, scale: scale.values(), shift: shift ?? [Float](repeating: 0, count: size))
    }
}
