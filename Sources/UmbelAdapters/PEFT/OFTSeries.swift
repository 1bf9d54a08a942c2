internal import UmbelTensor

/// The rotations of PEFT's OFT from the strict upper triangles U it stores, row by row: Q = U − Uᵀ, and
///
/// - exact: R = (I − Q)·(I + Q)⁻¹
/// - series of T terms, peft 0.16 and 0.17: R = I + 2Q + … + 2Q^(T−1)
/// - series of T terms, peft ≥ 0.18: R = I (T = 1), I + 2Q (T = 2), else with e = max(T − 1, 3)
///   R = I + 2Q + … + 2Q^(e−1) + Q^e
///
/// The series comes near (I + Q)·(I − Q)⁻¹, which turns the other way than the exact branch, and is not quite orthogonal;
/// both are what the adapter was trained with. Source: PEFT `OFTRotationModule._cayley_batch`.
enum OFTSeries {
    static func rotations(
        _ module: ModuleFactors, _ role: Role, _ context: AdapterContext
    ) throws(ModuleError) -> [SmallMatrix] {
        let config = try context.requireConfig(module, for: "how the rotation is made")
        var blocks = try antisymmetricBlocks(module, role)
        if config.flag("coft") {
            let limit = try context.requireNumber("eps", module) / Double(blocks.count).squareRoot()
            blocks = blocks.map { $0.limited(to: limit) }
        }
        guard config.flag("use_cayley_neumann") else { return try module.cayley(blocks, role) }
        let terms = try context.requireNumber("num_cayley_neumann_terms", module)
        guard terms >= 1, terms <= 1000 else {
            throw .notMergeable(module: module.stem, reason: "num_cayley_neumann_terms is \(terms)")
        }
        // Before 0.18 no version was written.
        let coefficients = coefficients(
            terms: Int(terms), isOld: config.version.map { $0 < PEFTVersion(0, 18) } ?? true)
        return blocks.map { series($0, coefficients) }
    }

    /// Coefficients of Q¹, Q², …
    static func coefficients(terms: Int, isOld: Bool) -> [Double] {
        if isOld || terms <= 2 { return [Double](repeating: 2, count: terms - 1) }
        return [Double](repeating: 2, count: max(terms - 1, 3) - 1) + [1]
    }

    private static func series(_ q: SmallMatrix, _ coefficients: [Double]) -> SmallMatrix {
        var sum = SmallMatrix(identity: q.size)
        var power = q
        for (index, coefficient) in coefficients.enumerated() {
            if index > 0 { power = power * q }
            sum = sum + coefficient * power
        }
        return sum
    }

    private static func antisymmetricBlocks(_ module: ModuleFactors, _ role: Role) throws(ModuleError) -> [SmallMatrix]
    {
        let triangles = try module.matrix(role)
        let size = (1 + Int(Double(1 + 8 * triangles.columns).squareRoot())) / 2
        guard size * (size - 1) / 2 == triangles.columns else {
            throw module.mismatch(role, expected: "[blocks, q·(q−1)/2]")
        }
        return (0..<triangles.rows).map { block in
            var matrix = SmallMatrix(size: size, values: [Double](repeating: 0, count: size * size))
            var next = triangles.row(block)
            for row in 0..<size {
                for column in row + 1..<max(row + 1, size) {
                    matrix[row, column] = Double(next.pointee)
                    matrix[column, row] = -Double(next.pointee)
                    next += 1
                }
            }
            return matrix
        }
    }
}
