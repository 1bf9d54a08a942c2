import Foundation
import Testing
import UmbelModels
import UmbelTensor

/// Norms and functions of single numbers against f64.
@Suite("Norms and activations")
struct NormalizationTests {
    private let pool = ComputePool(threads: 2)

    @Test(
        "Groups of channels have mean 0 and variance 1, then a factor and a shift each",
        arguments: [(1, 1, 1, 6, 3), (2, 5, 7, 40, 4), (1, 33, 20, 12, 12), (2, 3, 3, 35, 1), (1, 40, 30, 64, 32)],
        [false, true])
    func groupNorm(_ shape: (batch: Int, height: Int, width: Int, channels: Int, groups: Int), silu: Bool) {
        var samples = Samples(shape.channels)
        let x = samples.map(shape.batch, shape.height, shape.width, shape.channels)
        for index in 0..<x.values.count { x.values.start[index] += 3 }
        let (scale, shift) = (samples.values(shape.channels), samples.values(shape.channels))
        let norm = GroupNorm(groups: shape.groups, epsilon: 1e-5, scale: scale, shift: shift)
        let numbers = x.values.values.map(Double.init)
        let width = shape.channels / shape.groups
        var expected = numbers
        for picture in 0..<shape.batch {
            for group in 0..<shape.groups {
                let indices = (0..<x.places).flatMap { place in
                    (0..<width).map { (picture * x.places + place) * shape.channels + group * width + $0 }
                }
                let mean = indices.reduce(0) { $0 + numbers[$1] } / Double(indices.count)
                let variance = indices.reduce(0) { $0 + pow(numbers[$1] - mean, 2) } / Double(indices.count)
                for index in indices {
                    let channel = index % shape.channels
                    let normal = (numbers[index] - mean) / (variance + 1e-5).squareRoot()
                    let y = normal * Double(scale[channel]) + Double(shift[channel])
                    expected[index] = silu ? y / (1 + exp(-y)) : y
                }
            }
        }
        #expect(distance(norm(x, silu: silu, pool: pool).values.values, expected) < 1e-5)
    }

    @Test(
        "Rows have mean 0 and variance 1, then a factor and a shift each",
        arguments: [(1, 1), (3, 17), (70, 320), (5, 768)])
    func layerNorm(_ shape: (rows: Int, columns: Int)) {
        var samples = Samples(shape.columns)
        let x = samples.matrix(shape.rows, shape.columns)
        for index in 0..<x.count { x.start[index] += 10 }
        let (scale, shift) = (samples.values(shape.columns), samples.values(shape.columns))
        let norm = LayerNorm(epsilon: 1e-5, scale: scale, shift: shift)
        let expected = (0..<shape.rows).flatMap { row -> [Double] in
            let numbers = (0..<shape.columns).map { Double(x[row, $0]) }
            let mean = numbers.reduce(0, +) / Double(shape.columns)
            let variance = numbers.reduce(0) { $0 + pow($1 - mean, 2) } / Double(shape.columns)
            return numbers.indices.map {
                (numbers[$0] - mean) / (variance + 1e-5).squareRoot() * Double(scale[$0]) + Double(shift[$0])
            }
        }
        #expect(distance(norm(x, pool: pool).values, expected) < 1e-5)
    }

    @Test("Activations are right from far below zero to far above")
    func activations() {
        let numbers = (-4000...4000).map { Float($0) / 40 }
        let functions: [(Activation, (Double) -> Double)] = [
            (.silu, { $0 / (1 + exp(-$0)) }), (.gelu, { 0.5 * $0 * erfc(-$0 * 0.5.squareRoot()) }),
            (.quickGELU, { $0 / (1 + exp(-1.702 * $0)) }), (.relu, { max(0, $0) }),
            (.mish, { $0 * tanh($0 > 30 ? $0 : log1p(exp($0))) }),
        ]
        for (activation, function) in functions {
            let x = Matrix(rows: 1, columns: numbers.count, values: numbers)
            activation.apply(to: x, pool: pool)
            for (number, found) in zip(numbers, x.values) {
                let expected = function(Double(number))
                #expect((Double(found) - expected).magnitude <= 5e-7 * expected.magnitude + 1e-9)
            }
        }
    }
}
