import Testing
import UmbelModels
import UmbelTensor

@Suite("Weights on embeddings")
struct EmphasisTests {
    private func embeddings() -> Matrix { Matrix(rows: 3, columns: 2, values: [1, 2, 3, 4, 5, 9]) }

    @Test("The original way multiplies rows and restores the mean")
    func original() {
        let matrix = embeddings()
        Emphasis.original.apply([1, 2, 1], to: matrix)
        // 24 became 31.
        for (found, expected) in zip(matrix.values, [1, 2, 6, 8, 5, 9]) {
            #expect(abs(found - Float(expected) * 24 / 31) < 1e-6)
        }
    }

    @Test("Without restoring the mean, rows are multiplied and nothing else")
    func noNorm() {
        let matrix = embeddings()
        Emphasis.noNorm.apply([1, 2, 0.5], to: matrix)
        #expect(matrix.values == [1, 2, 6, 8, 2.5, 4.5])
    }

    @Test("No emphasis, and weights of 1, change no bit")
    func unchanged() {
        for (emphasis, weights) in [(Emphasis.none, [1, 2, 3]), (.original, [1, 1, 1])] as [(Emphasis, [Float])] {
            let matrix = embeddings()
            emphasis.apply(weights, to: matrix)
            #expect(matrix.values == embeddings().values)
        }
    }

    @Test("Where nothing is left of the mean, it is not restored")
    func zero() {
        let matrix = embeddings()
        Emphasis.original.apply([0, 0, 0], to: matrix)
        #expect(matrix.values == [0, 0, 0, 0, 0, 0])
    }
}
