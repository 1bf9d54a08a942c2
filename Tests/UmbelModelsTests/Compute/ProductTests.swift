import Testing
import UmbelModels
import UmbelTensor

/// Linear layers against sums in f64.
@Suite("Linear layers")
struct ProductTests {
    private let pool = ComputePool(threads: 2)

    private func expected(
        _ x: Matrix, _ weight: [Float], outputs: Int, bias: [Float]?, residual: Matrix?, rounds: Bool
    ) -> [Double] {
        let (inputs, numbers) = (x.columns, x.values)
        let left = rounds ? numbers.map(\.asBFloat) : numbers
        let right = rounds ? weight.map(\.asBFloat) : weight
        return (0..<x.rows * outputs).map { index in
            let (row, output) = (index / outputs, index % outputs)
            var sum = Double(bias?[output] ?? 0) + Double(residual?[row, output] ?? 0)
            for input in 0..<inputs {
                sum += Double(left[row * inputs + input]) * Double(right[output * inputs + input])
            }
            return sum
        }
    }

    @Test(
        "Rows times weight plus bias plus residual, for any shape",
        arguments: [
            (1, 1, 1), (1, 320, 320), (2, 3, 5), (5, 17, 63), (6, 64, 64), (7, 65, 65), (13, 300, 130), (49, 33, 200),
            (77, 48, 129), (193, 20, 70), (400, 9, 16), (3, 600, 15),
        ], [ComputeType.f32, .bf16])
    func shapes(_ shape: (rows: Int, inputs: Int, outputs: Int), type: ComputeType) {
        var samples = Samples(shape.rows + shape.inputs)
        let x = samples.matrix(shape.rows, shape.inputs)
        let weight = samples.tensor([shape.outputs, shape.inputs])
        let bias = samples.tensor([shape.outputs])
        let residual = samples.matrix(shape.rows, shape.outputs)
        for (hasBias, hasResidual) in [(false, false), (true, false), (false, true), (true, true)] {
            let layer = Linear(weight: weight, bias: hasBias ? bias : nil, type: type)
            let found = layer(x, adding: hasResidual ? residual : nil, pool: pool)
            let expected = expected(
                x, weight.values(), outputs: shape.outputs, bias: hasBias ? bias.values() : nil,
                residual: hasResidual ? residual : nil, rounds: type == .bf16)
            #expect(distance(found.values, expected) < 1e-5)
        }
    }

    @Test("The activation is taken of the sum", arguments: [ComputeType.f32, .bf16])
    func activation(type: ComputeType) {
        var samples = Samples()
        let x = samples.matrix(77, 40)
        let layer = Linear(weight: samples.tensor([100, 40]), bias: samples.tensor([100]), type: type)
        let apart = layer(x, pool: pool)
        Activation.quickGELU.apply(to: apart, pool: pool)
        #expect(distance(layer(x, activation: .quickGELU, pool: pool).values, apart.values.map(Double.init)) < 1e-6)
    }

    @Test(
        "Half of the outputs gates the other half", arguments: [(1, 20, 64), (100, 33, 192), (7, 10, 40)],
        [ComputeType.f32, .bf16])
    func gated(_ shape: (rows: Int, inputs: Int, half: Int), type: ComputeType) {
        var samples = Samples()
        let x = samples.matrix(shape.rows, shape.inputs)
        let layer = Linear(
            weight: samples.tensor([2 * shape.half, shape.inputs]), bias: samples.tensor([2 * shape.half]), type: type)
        let apart = Activation.gatedGELU(layer(x, pool: pool), pool: pool)
        let found = layer.gatedGELU(Factors(x, type: type, pool: pool), pool: pool)
        #expect(found.columns == shape.half)
        let expected = Factors(apart, type: type, pool: pool)
        #expect(found.units.values.map(\.bitPattern) == expected.units.values.map(\.bitPattern))
    }

    @Test("The number of threads changes no bit", arguments: [ComputeType.f32, .bf16])
    func threads(type: ComputeType) {
        var samples = Samples()
        let x = samples.matrix(250, 300)
        let layer = Linear(weight: samples.tensor([333, 300]), bias: samples.tensor([333]), type: type)
        let one = layer(x, pool: ComputePool(threads: 1))
        for threads in [2, 3, 5] { #expect(layer(x, pool: ComputePool(threads: threads)).hasSameBits(as: one)) }
    }
}
