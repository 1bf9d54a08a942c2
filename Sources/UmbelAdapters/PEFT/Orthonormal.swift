/// Unit vectors from columns, in f64 and a fixed order.
enum Orthonormal {
    static func dot(_ left: [Double], _ right: [Double]) -> Double {
        var sum = 0.0
        for index in left.indices { sum += left[index] * right[index] }
        return sum
    }

    /// Each column divided by its norm; nil if one is 0.
    static func normalised(_ columns: [[Double]]) -> [[Double]]? {
        var result: [[Double]] = []
        for column in columns {
            let norm = dot(column, column).squareRoot()
            guard norm > 0 else { return nil }
            result.append(column.map { $0 / norm })
        }
        return result
    }

    /// Gram–Schmidt in the order given; each column is cleared twice, which makes it orthogonal to the last bits ("twice is
    /// enough", Kahan and Parlett). Nil if a column depends on those before it.
    static func columns(_ columns: [[Double]]) -> [[Double]]? {
        var basis: [[Double]] = []
        for column in columns {
            var rest = column
            for _ in 0..<2 {
                for vector in basis {
                    let part = dot(vector, rest)
                    for index in rest.indices { rest[index] -= part * vector[index] }
                }
            }
            let norm = dot(rest, rest).squareRoot()
            guard norm > 0 else { return nil }
            basis.append(rest.map { $0 / norm })
        }
        return basis
    }
}
