internal import CUmbelKernels
package import UmbelTensor

/// A convolution with W (outputs, inputs, kernel, kernel) over zeros outside of the picture.
package final class Convolution: Sendable {
    /// Zeros around a picture.
    package struct Padding: Hashable, Sendable {
        package let top: Int
        package let left: Int
        package let bottom: Int
        package let right: Int

        package init(_ all: Int) { self.init(top: all, left: all, bottom: all, right: all) }

        package init(top: Int, left: Int, bottom: Int, right: Int) {
            (self.top, self.left, self.bottom, self.right) = (top, left, bottom, right)
        }
    }

    package let inputs: Int
    package let outputs: Int
    package let kernel: Int
    package let stride: Int
    package let padding: Padding
    /// (kernel · kernel · inputs, outputs)
    private let weight: Matrix
    private let bias: [Float]?

    /// - Precondition: `weight` has four axes, the last two alike; `bias` has a number for each output.
    package init(weight: TensorView, bias: TensorView?, stride: Int = 1, padding: Padding) {
        precondition(weight.shape.count == 4 && weight.shape[2] == weight.shape[3])
        outputs = weight.shape[0]
        inputs = weight.shape[1]
        kernel = weight.shape[2]
        self.stride = stride
        self.padding = padding
        self.bias = bias?.values()
        let positions = kernel * kernel
        let stored = weight.matrix()
        self.weight = Matrix(rows: positions * inputs, columns: outputs)
        for output in 0..<outputs {
            for input in 0..<inputs {
                for position in 0..<positions {
                    self.weight.start[(position * inputs + input) * outputs + output] =
                        stored.start[(output * inputs + input) * positions + position]
                }
            }
        }
    }

    /// - Parameter residual: is added, of the result's size.
    package func callAsFunction(_ x: FeatureMap, adding residual: FeatureMap? = nil, pool: ComputePool) -> FeatureMap {
        precondition(x.channels == inputs)
        let height = (x.height + padding.top + padding.bottom - kernel) / stride + 1
        let width = (x.width + padding.left + padding.right - kernel) / stride + 1
        let out = FeatureMap(batch: x.batch, height: height, width: width, channels: outputs)
        let depth = weight.rows
        pool.forEachRange(x.batch * height, grain: 1) { lines in
            let patches = Matrix(rows: width, columns: depth)
            for line in lines {
                gather(x, picture: line / height, line: line % height, into: patches)
                let place = out.values.row(line * width)
                umbel_multiply(place, outputs, patches.start, depth, weight.start, outputs, width, depth, outputs)
                finish(place, count: width, residual.map { $0.values.row(line * width) })
            }
        }
        return out
    }

    /// The inputs of each place of an output line, position after position.
    private func gather(_ x: FeatureMap, picture: Int, line: Int, into patches: Matrix) {
        for column in 0..<patches.rows {
            for position in 0..<kernel * kernel {
                let row = line * stride + position / kernel - padding.top
                let place = column * stride + position % kernel - padding.left
                let out = patches.row(column) + position * inputs
                if row >= 0, row < x.height, place >= 0, place < x.width {
                    out.update(from: x.values.row((picture * x.height + row) * x.width + place), count: inputs)
                } else {
                    out.update(repeating: 0, count: inputs)
                }
            }
        }
    }

    private func finish(_ place: UnsafeMutablePointer<Float>, count: Int, _ residual: UnsafePointer<Float>?) {
        if let bias { for index in 0..<count * outputs { place[index] += bias[index % outputs] } }
        guard let residual else { return }
        for index in 0..<count * outputs { place[index] += residual[index] }
    }
}

extension Weights {
    /// The convolution of that name, packed once for all that share its tensors.
    ///
    /// - Throws: if its weight is missing or has another shape.
    package func convolution(
        _ name: String, inputs: Int, outputs: Int, kernel: Int = 3, stride: Int = 1, padding: Convolution.Padding? = nil
    ) throws(ModelError) -> Convolution {
        let (weightName, biasName) = (name + ".weight", name + ".bias")
        let weight = try tensor(weightName, shape: [outputs, inputs, kernel, kernel])
        let bias = try optionalTensor(biasName, shape: [outputs])
        let padding = padding ?? Convolution.Padding(kernel / 2)
        let kind = "convolution \(stride) \(padding)"
        return try source.layer(of: [prefix + weightName, prefix + biasName], kind: kind) { () throws(ModelError) in
            Convolution(weight: weight, bias: bias, stride: stride, padding: padding)
        }
    }
}
