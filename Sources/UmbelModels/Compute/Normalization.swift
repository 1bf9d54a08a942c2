package import UmbelTensor

/// Groups of channels of a picture to mean 0 and variance 1, then each channel times a factor plus a shift.
package final class GroupNorm: Sendable {
    private let groups: Int
    private let epsilon: Double
    private let scale: [Float]
    private let shift: [Float]

    /// - Precondition: the channels, of which there is a scale and a shift each, make up whole groups.
    init(groups: Int, epsilon: Double, scale: [Float], shift: [Float]) {
        precondition(scale.count == shift.count && groups > 0 && scale.count % groups == 0)
        (self.groups, self.epsilon, self.scale, self.shift) = (groups, epsilon, scale, shift)
    }

    /// - Parameter silu: whether x · sigmoid(x) is taken of the result.
    package func callAsFunction(_ x: FeatureMap, silu: Bool, pool: ComputePool) -> FeatureMap {
        precondition(x.channels == scale.count)
        let out = x.with(Matrix(rows: x.values.rows, columns: x.channels))
        let width = x.channels / groups
        pool.forEachRange(x.batch * groups, grain: 1) { range in
            for index in range {
                let (picture, group) = (index / groups, index % groups)
                let offset = picture * x.places * x.channels + group * width
                let (mean, factor) = moments(x.values.start + offset, x.places, x.channels, width)
                for place in 0..<x.places {
                    for channel in 0..<width {
                        let at = offset + place * x.channels + channel
                        let normal = Float((Double(x.values.start[at]) - mean) * factor)
                        let y = normal * scale[group * width + channel] + shift[group * width + channel]
                        out.values.start[at] = silu ? Activation.silu(y) : y
                    }
                }
            }
        }
        return out
    }

    private func moments(
        _ start: UnsafePointer<Float>, _ places: Int, _ stride: Int, _ width: Int
    ) -> (mean: Double, factor: Double) {
        var (sum, squares) = (0.0, 0.0)
        for place in 0..<places {
            for channel in 0..<width {
                let value = Double(start[place * stride + channel])
                sum += value
                squares += value * value
            }
        }
        let count = Double(places * width)
        let mean = sum / count
        return (mean, 1 / (max(0, squares / count - mean * mean) + epsilon).squareRoot())
    }
}

/// Each row to mean 0 and variance 1, then each column times a factor plus a shift.
package final class LayerNorm: Sendable {
    private let epsilon: Double
    private let scale: [Float]
    private let shift: [Float]

    /// - Precondition: as many shifts as scales.
    init(epsilon: Double, scale: [Float], shift: [Float]) {
        precondition(scale.count == shift.count)
        (self.epsilon, self.scale, self.shift) = (epsilon, scale, shift)
    }

    package func callAsFunction(_ x: Matrix, pool: ComputePool) -> Matrix {
        precondition(x.columns == scale.count)
        let out = Matrix(rows: x.rows, columns: x.columns)
        pool.forEachRange(x.rows, grain: 16) { rows in
            for row in rows {
                let (place, numbers) = (out.row(row), x.row(row))
                var (sum, squares) = (0.0, 0.0)
                for column in 0..<x.columns {
                    sum += Double(numbers[column])
                    squares += Double(numbers[column]) * Double(numbers[column])
                }
                let mean = sum / Double(x.columns)
                let factor = 1 / (max(0, squares / Double(x.columns) - mean * mean) + epsilon).squareRoot()
                for column in 0..<x.columns {
                    place[column] = Float((Double(numbers[column]) - mean) * factor) * scale[column] + shift[column]
                }
            }
        }
        return out
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
