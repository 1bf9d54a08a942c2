import Testing
import UmbelModels
import UmbelTensor

/// Convolutions against sums in f64.
@Suite("Convolutions")
struct ConvolutionTests {
    struct Shape: Sendable {
        var batch = 1
        let height: Int
        let width: Int
        let inputs: Int
        let outputs: Int
        var kernel = 3
        var stride = 1
        var padding = Convolution.Padding(1)
    }

    private let pool = ComputePool(threads: 2)

    private func expected(
        _ x: FeatureMap, _ weight: [Float], _ shape: Shape, bias: [Float]?, residual: FeatureMap?, rounds: Bool
    ) -> [Double] {
        let numbers = rounds ? x.values.values.map(\.asBFloat) : x.values.values
        let factors = rounds ? weight.map(\.asBFloat) : weight
        let padding = shape.padding
        let height = (shape.height + padding.top + padding.bottom - shape.kernel) / shape.stride + 1
        let width = (shape.width + padding.left + padding.right - shape.kernel) / shape.stride + 1
        let others = residual?.values.values
        return (0..<shape.batch * height * width * shape.outputs).map { index in
            let (place, output) = (index / shape.outputs, index % shape.outputs)
            let (picture, line, column) = (place / (height * width), place / width % height, place % width)
            var sum = Double(bias?[output] ?? 0) + Double(others?[index] ?? 0)
            for position in 0..<shape.kernel * shape.kernel {
                let y = line * shape.stride + position / shape.kernel - padding.top
                let x = column * shape.stride + position % shape.kernel - padding.left
                guard y >= 0, y < shape.height, x >= 0, x < shape.width else { continue }
                let start = ((picture * shape.height + y) * shape.width + x) * shape.inputs
                for input in 0..<shape.inputs {
                    let factor = factors[(output * shape.inputs + input) * shape.kernel * shape.kernel + position]
                    sum += Double(numbers[start + input]) * Double(factor)
                }
            }
            return sum
        }
    }

    /// Winograd's transformations round more than the sums; of bf16 they round what the sums do not.
    private func limit(_ shape: Shape, _ type: ComputeType) -> Double {
        let isWinograd = shape.kernel == 3 && shape.stride == 1 && shape.inputs >= 16 && shape.outputs >= 16
        // What is computed in f32 differs from sums of rounded factors.
        let isRounded = !isWinograd && (shape.inputs < 16 ? shape.inputs % 2 == 0 : shape.outputs > 8)
        if type == .bf16 { return isRounded ? 1e-5 : 2e-2 }
        return isWinograd ? 1e-4 : 1e-5
    }

    @Test(
        "Weights times what lies around each place, zeros outside, plus bias plus residual",
        arguments: [
            Shape(height: 1, width: 1, inputs: 1, outputs: 1), Shape(height: 1, width: 1, inputs: 20, outputs: 70),
            Shape(height: 17, width: 9, inputs: 4, outputs: 33),
            Shape(batch: 2, height: 5, width: 3, inputs: 15, outputs: 3),
            Shape(height: 17, width: 9, inputs: 16, outputs: 16),
            Shape(batch: 2, height: 8, width: 8, inputs: 19, outputs: 67),
            Shape(height: 4, width: 5, inputs: 33, outputs: 21), Shape(height: 25, width: 26, inputs: 18, outputs: 17),
            Shape(batch: 2, height: 24, width: 31, inputs: 16, outputs: 20),
            Shape(height: 9, width: 17, inputs: 40, outputs: 3), Shape(height: 3, width: 2, inputs: 300, outputs: 24),
            Shape(batch: 2, height: 17, width: 9, inputs: 20, outputs: 24, stride: 2),
            Shape(
                height: 8, width: 6, inputs: 18, outputs: 10, stride: 2,
                padding: .init(top: 0, left: 0, bottom: 1, right: 1)),
            Shape(batch: 2, height: 7, width: 5, inputs: 30, outputs: 65, kernel: 1, padding: .init(0)),
            Shape(height: 6, width: 6, inputs: 3, outputs: 5, kernel: 1, padding: .init(0)),
            Shape(height: 9, width: 9, inputs: 16, outputs: 8, kernel: 5, padding: .init(2)),
            Shape(height: 16, width: 14, inputs: 24, outputs: 32, kernel: 8, stride: 8, padding: .init(0)),
            Shape(height: 10, width: 30, inputs: 17, outputs: 19, padding: .init(top: 0, left: 2, bottom: 1, right: 0)),
            Shape(height: 30, width: 26, inputs: 17, outputs: 19, padding: .init(top: 2, left: 0, bottom: 0, right: 2)),
        ], [ComputeType.f32, .bf16])
    func shapes(_ shape: Shape, type: ComputeType) {
        var samples = Samples(shape.height * shape.inputs)
        let x = samples.map(shape.batch, shape.height, shape.width, shape.inputs)
        let weight = samples.tensor([shape.outputs, shape.inputs, shape.kernel, shape.kernel])
        let bias = samples.tensor([shape.outputs])
        for hasAll in [false, true] {
            let layer = Convolution(
                weight: weight, bias: hasAll ? bias : nil, stride: shape.stride, padding: shape.padding, type: type)
            let plain = layer(x, pool: pool)
            let residual = samples.map(shape.batch, plain.height, plain.width, shape.outputs)
            let found = hasAll ? layer(x, adding: residual, pool: pool) : plain
            let expected = expected(
                x, weight.values(), shape, bias: hasAll ? bias.values() : nil, residual: hasAll ? residual : nil,
                rounds: type == .bf16)
            #expect(distance(found.values.values, expected) < limit(shape, type))
        }
    }

    /// The limits are a fifth to two thirds above what was found; in bf16, tiles of the next larger kind are beyond them.
    @Test(
        "Winograd's tiles lose only the digits that their points must, as a root of the mean square",
        arguments: [(8, ComputeType.bf16, 6e-3), (16, .bf16, 8.5e-3), (24, .f32, 1e-6)])
    func digits(size: Int, type: ComputeType, limit: Double) {
        var samples = Samples()
        let shape = Shape(height: size, width: size, inputs: 32, outputs: 16)
        let x = samples.map(1, size, size, shape.inputs)
        for index in 0..<x.values.count { x.values.start[index] = x.values.start[index].asBFloat }
        let weight = samples.tensor([shape.outputs, shape.inputs, 3, 3])
        let layer = Convolution(weight: weight, bias: nil, padding: .init(1), type: type)
        let found = layer(x, pool: pool).values.values
        let exact = expected(x, weight.values(), shape, bias: nil, residual: nil, rounds: type == .bf16)
        let error = zip(found, exact).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
        let square = exact.reduce(0) { $0 + $1 * $1 }
        #expect((error / square).squareRoot() < limit, "\((error / square).squareRoot())")
    }

    @Test("The number of threads changes no bit", arguments: [ComputeType.f32, .bf16])
    func threads(type: ComputeType) {
        var samples = Samples()
        let weight = samples.tensor([130, 20, 3, 3])
        for (size, stride) in [(30, 1), (12, 1), (13, 2)] {
            let x = samples.map(2, size, size, 20)
            let layer = Convolution(weight: weight, bias: nil, stride: stride, padding: .init(1), type: type)
            let one = layer(x, pool: ComputePool(threads: 1))
            for threads in [2, 5] {
                #expect(layer(x, pool: ComputePool(threads: threads)).values.hasSameBits(as: one.values))
            }
        }
    }
}
