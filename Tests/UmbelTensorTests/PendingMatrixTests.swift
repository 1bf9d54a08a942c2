import Dispatch
import Testing
import UmbelTensor
import UmbelTesting

@Suite("Matrices that are filled when they are needed")
struct PendingMatrixTests {
    private static let values = (0..<9000).map { Float($0 % 127) * ($0 % 2 == 0 ? 0.5 : -1) }

    @Test("The numbers are those of the tensor", arguments: [DType.f32, .f16, .bf16])
    func numbers(_ dtype: DType) {
        let view = TestTensor("x", [90, 100], Self.values, as: dtype).view
        let matrix = Matrix(of: view, rows: 90)
        #expect(matrix.rows == 90 && matrix.columns == 100)
        #expect(matrix.hasSameBits(as: view.matrix()))
        #expect(matrix.values == view.values())
    }

    @Test("The largest magnitude is the same before and after", arguments: [DType.f32, .bf16])
    func largestMagnitude(_ dtype: DType) {
        let view = TestTensor("x", [90, 100], Self.values, as: dtype).view
        let matrix = Matrix(of: view, rows: 90)
        let before = matrix.largestMagnitude
        #expect(before == 126)
        _ = matrix.start
        #expect(matrix.largestMagnitude == before)
    }

    @Test("Whoever comes at the same time gets the same numbers")
    func concurrent() {
        for _ in 0..<50 {
            let matrix = Matrix(of: TestTensor("x", [90, 100], Self.values).view, rows: 90)
            DispatchQueue.concurrentPerform(iterations: 4) { _ in #expect(matrix.values == Self.values) }
        }
    }

    @Test("An empty tensor makes an empty matrix")
    func empty() {
        let matrix = Matrix(of: TestTensor("x", [0, 4], []).view, rows: 0)
        #expect(matrix.count == 0 && matrix.largestMagnitude == 0 && matrix.values.isEmpty)
    }
}
