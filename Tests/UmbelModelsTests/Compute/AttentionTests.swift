import Foundation
import Testing
import UmbelModels
import UmbelTensor

/// Attention against the whole matrix of weights in f64.
@Suite("Attention")
struct AttentionTests {
    struct Shape: Sendable {
        var batch = 1
        let places: Int
        let seen: Int
        let heads: Int
        let size: Int
        var mask = Attention.Mask.none
    }

    private let pool = ComputePool(threads: 2)

    private func expected(_ q: Matrix, _ k: Matrix, _ v: Matrix, _ shape: Shape) -> [Double] {
        let width = shape.heads * shape.size
        let (queries, keys, values) = (q.values, k.values, v.values)
        var out = [Double](repeating: 0, count: q.count)
        for index in 0..<shape.batch * shape.places * shape.heads {
            let (row, head) = (index / shape.heads, index % shape.heads)
            let (picture, place) = (row / shape.places, row % shape.places)
            let visible = shape.mask == .causal ? min(shape.seen, place + 1) : shape.seen
            let products = (0..<visible).map { other in
                (0..<shape.size).reduce(0.0) { sum, i in
                    let key = (picture * shape.seen + other) * width + head * shape.size + i
                    return sum + Double(queries[row * width + head * shape.size + i]) * Double(keys[key])
                } / Double(shape.size).squareRoot()
            }
            let largest = products.max() ?? 0
            let weights = products.map { exp($0 - largest) }
            let total = weights.reduce(0, +)
            for i in 0..<shape.size {
                out[row * width + head * shape.size + i] =
                    (0..<visible).reduce(0.0) { sum, other in
                        let value = (picture * shape.seen + other) * width + head * shape.size + i
                        return sum + weights[other] * Double(values[value])
                    } / total
            }
        }
        return out
    }

    @Test(
        "Weights of any number of keys, for heads of any size",
        arguments: [
            Shape(places: 1, seen: 1, heads: 1, size: 1), Shape(places: 1, seen: 77, heads: 8, size: 40),
            Shape(batch: 2, places: 65, seen: 77, heads: 2, size: 24), Shape(places: 64, seen: 129, heads: 1, size: 9),
            Shape(places: 70, seen: 300, heads: 3, size: 10),
            Shape(batch: 2, places: 30, seen: 257, heads: 1, size: 80),
            Shape(places: 77, seen: 77, heads: 2, size: 16, mask: .causal),
            Shape(batch: 2, places: 200, seen: 200, heads: 1, size: 7, mask: .causal),
            Shape(places: 20, seen: 10, heads: 1, size: 12, mask: .causal),
        ], [ComputeType.f32, .bf16])
    func shapes(_ shape: Shape, type: ComputeType) {
        var samples = Samples(shape.places)
        let width = shape.heads * shape.size
        let q = samples.matrix(shape.batch * shape.places, width)
        let k = samples.matrix(shape.batch * shape.seen, width)
        let v = samples.matrix(shape.batch * shape.seen, width)
        q.scale(by: 5)
        let found = Attention.of(
            query: q, keys: k, values: v, batch: shape.batch, heads: shape.heads, mask: shape.mask, type: type,
            pool: pool)
        #expect(distance(found.values, expected(q, k, v, shape)) < (type == .f32 ? 1e-5 : 2e-2))
    }

    @Test("Products beyond the range of eˣ are weighed all the same", arguments: [ComputeType.f32, .bf16])
    func large(type: ComputeType) {
        let q = Matrix(rows: 1, columns: 2, values: [1000, 1000])
        let k = Matrix(rows: 3, columns: 2, values: [1, 1, -1, -1, 1, 1])
        let v = Matrix(rows: 3, columns: 2, values: [1, 2, 100, 200, 3, 4])
        let found = Attention.of(query: q, keys: k, values: v, batch: 1, heads: 1, type: type, pool: pool)
        #expect(distance(found.values, [2, 3]) < 1e-6)
    }
}
