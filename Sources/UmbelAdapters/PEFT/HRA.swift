package import UmbelNames
internal import UmbelTensor

/// HRA: W' = W·H₁·…·H_r, reflections Hᵢ = I − 2·uᵢ·uᵢᵀ of normalised columns.     arXiv 2405.17484
///
/// `hra_u` is (in·K, r). The product of reflections is I − V·T·Vᵀ with V the columns and T upper triangular: T grows by
/// the column −2·T·Vᵀu and the diagonal 2 ("compact WY", Schreiber and Van Loan 1989). With `apply_GS` the columns are made
/// orthonormal first, and T = 2·I. Strength: W + m·(W' − W) = W − m·(W·V)·(T·Vᵀ). Source: PEFT `tuners/hra/layer.py`.
package struct HRA: Algorithm {
    package static let name = "hra"

    static let columns: Role = "hra_u"

    package static let roles = [RoleSpelling(columns)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool { module.has(columns) }

    package static func rank(of module: ModuleFactors) -> Int? { module[columns]?.shape.last }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let stored = try module.matrix(columns)
        guard stored.rows == view.columns else {
            throw module.mismatch(columns, expected: "[\(view.columns), rank] for \(view.shape.shapeText)")
        }
        let config = try context.requireConfig(module, for: "whether the columns are made orthogonal (apply_GS)")
        let vectors = (0..<stored.columns).map { column in (0..<stored.rows).map { Double(stored[$0, column]) } }
        let reflections = Reflections(vectors, orthogonal: config.flag("apply_GS"))
        guard let reflections else { throw .singular(module: module.stem, key: module.key(columns)) }
        return [Patch(view, .rows(reflections))]
    }
}

private struct Reflections: RowTransform {
    /// V (n, r)
    private let vectors: Matrix
    /// T·Vᵀ (r, n)
    private let correction: Matrix

    /// - Returns: nil if a column vanishes.
    init?(_ columns: [[Double]], orthogonal: Bool) {
        guard let basis = orthogonal ? Orthonormal.columns(columns) : Orthonormal.normalised(columns) else {
            return nil
        }
        let (rank, length) = (basis.count, basis.first?.count ?? 0)
        var triangle = [[Double]](repeating: [Double](repeating: 0, count: rank), count: rank)
        for new in 0..<rank {
            triangle[new][new] = 2
            if orthogonal { continue }
            let products = (0..<new).map { Orthonormal.dot(basis[$0], basis[new]) }
            for row in 0..<new {
                triangle[row][new] = -2 * (row..<new).reduce(0) { $0 + triangle[row][$1] * products[$1] }
            }
        }
        vectors = Matrix(rows: length, columns: rank)
        correction = Matrix(rows: rank, columns: length, repeating: 0)
        for index in 0..<length {
            for rankIndex in 0..<rank {
                vectors[index, rankIndex] = Float(basis[rankIndex][index])
                correction[rankIndex, index] = Float(
                    (rankIndex..<rank).reduce(0) { $0 + triangle[rankIndex][$1] * basis[$1][index] })
            }
        }
    }

    func apply(to tile: RowTile, strength: Double) {
        let projection = tile.copy().multiplied(by: vectors)
        tile.add(projection.multiplied(by: correction), scaledBy: Float(-strength))
    }

    func passes(over weight: WeightRows, strength: Double, pool: ComputePool) -> [any RowPass] {
        [ProjectedPass(nil, up: vectors, down: correction, kernel: 1, factor: Float(-strength), pool: pool)]
    }
}
