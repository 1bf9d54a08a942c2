internal import Glibc
package import UmbelTensor

/// softmax(Q · Kᵀ · scale + mask) · V, head by head.
package enum Attention {
    package enum Mask: Sendable {
        case none
        /// A place sees itself and those before it.
        case causal
    }

    /// - Parameters:
    ///   - query: (batch · places, heads · size)
    ///   - keys: (batch · seen, heads · size), and so `values`.
    /// - Returns: (batch · places, heads · size)
    package static func of(
        query: Matrix, keys: Matrix, values: Matrix, batch: Int, heads: Int, mask: Mask = .none, scale: Float? = nil,
        pool: ComputePool
    ) -> Matrix {
        precondition(query.columns == keys.columns && keys.columns == values.columns && keys.rows == values.rows)
        precondition(query.columns % heads == 0 && query.rows % batch == 0 && keys.rows % batch == 0)
        let (places, seen, size) = (query.rows / batch, keys.rows / batch, query.columns / heads)
        let factor = scale ?? 1 / Float(size).squareRoot()
        let out = Matrix(rows: query.rows, columns: query.columns)
        pool.forEachRange(batch * heads * places, grain: 16) { range in
            var weights = [Float](repeating: 0, count: seen)
            for index in range {
                let (head, place) = (index / places % heads, index % places)
                let picture = index / (places * heads)
                let q = query.row(picture * places + place) + head * size
                let visible = mask == .causal ? min(seen, place + 1) : seen
                var largest = -Float.infinity
                for other in 0..<visible {
                    let k = keys.row(picture * seen + other) + head * size
                    var sum: Float = 0
                    for i in 0..<size { sum += q[i] * k[i] }
                    weights[other] = sum * factor
                    largest = max(largest, weights[other])
                }
                var total: Float = 0
                for other in 0..<visible {
                    weights[other] = expf(weights[other] - largest)
                    total += weights[other]
                }
                let y = out.row(picture * places + place) + head * size
                for i in 0..<size { y[i] = 0 }
                for other in 0..<visible {
                    let v = values.row(picture * seen + other) + head * size
                    let weight = weights[other] / total
                    for i in 0..<size { y[i] += weight * v[i] }
                }
            }
        }
        return out
    }
}
