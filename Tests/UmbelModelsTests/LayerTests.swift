import Testing
import UmbelModels
import UmbelTensor

@Suite("Layers")
struct LayerTests {
    let pool = ComputePool(threads: 2)

    private func view(_ values: [Float], _ shape: [Int]) -> TensorView {
        let matrix = Matrix(rows: 1, columns: values.count, values: values)
        let bytes = UnsafeRawBufferPointer(start: matrix.start, count: values.count * 4)
        return TensorView(dtype: .f32, shape: shape, bytes: bytes, owner: matrix)
    }

    @Test("A linear layer multiplies by its transposed weight, adds its bias and what it is given")
    func linear() {
        let layer = Linear(weight: view([1, 2, 3, 4, 5, 6], [2, 3]), bias: view([10, 20], [2]))
        let x = Matrix(rows: 1, columns: 3, values: [1, 0, -1])
        #expect(layer(x, pool: pool).values == [8, 18])
        #expect(layer(x, adding: Matrix(rows: 1, columns: 2, values: [1, 2]), pool: pool).values == [9, 20])
    }

    @Test("A convolution sees zeros outside of the picture")
    func convolution() {
        let ones = [Float](repeating: 1, count: 9)
        let layer = Convolution(weight: view(ones, [1, 1, 3, 3]), bias: nil, padding: .init(1))
        let x = FeatureMap(batch: 1, height: 2, width: 2, Matrix(rows: 4, columns: 1, values: [1, 2, 3, 4]))
        #expect(layer(x, pool: pool).values.values == [10, 10, 10, 10])
        let strided = Convolution(
            weight: view(ones, [1, 1, 3, 3]), bias: nil, stride: 2, padding: .init(top: 0, left: 0, bottom: 1, right: 1)
        )
        #expect(strided(x, pool: pool).values.values == [10])
    }

    @Test("Planes become a map and planes again")
    func planes() {
        let values = (0..<24).map(Float.init)
        let map = FeatureMap(planes: values, batch: 2, channels: 3, height: 2, width: 2)
        #expect(map.values.row(1)[2] == 9)
        #expect(map.planes() == values)
    }
}
