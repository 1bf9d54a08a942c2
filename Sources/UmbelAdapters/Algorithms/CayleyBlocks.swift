internal import UmbelTensor

/// The rotation blocks of Diag-OFT and BOFT: R = (I + Q)·(I − Q)⁻¹ with Q = B − Bᵀ for each stored block B.
///
/// α is no scale here but the constraint: with c = α·out > 0, Q of all blocks together is limited to Frobenius norm c.
/// kohya's own OFT writes Q·(min(‖Q‖, c)+1e-8)/(‖Q‖+1e-8) under the prefix `oft_unet`.
enum CayleyBlocks {
    /// - Parameter blocks: (count·q, q), the blocks under each other.
    static func rotations(
        _ module: ModuleFactors, blocks role: Role, size: Int, outputs: Int
    ) throws(ModuleError) -> SquareBlocks {
        var blocks = SquareBlocks(size: size, values: try module.require(role).values().map(Double.init))
        blocks.makeAntisymmetric()
        let factor = try constraintFactor(module, blocks, outputs: outputs)
        if factor != 1 { blocks.scale(by: factor) }
        guard blocks.transformByCayley() else { throw .singular(module: module.stem, key: module.key(role)) }
        return blocks
    }

    private static func constraintFactor(
        _ module: ModuleFactors, _ skew: SquareBlocks, outputs: Int
    ) throws(ModuleError) -> Double {
        guard let alpha = try module.number(.alpha) else { return 1 }
        guard alpha.isFinite else { throw .nonFinite(key: module.key(.alpha), index: 0) }
        let limit = alpha * Double(outputs)
        let norm = skew.norm
        if module.stem.hasPrefix("oft_unet_") { return (min(norm, limit) + 1e-8) / (norm + 1e-8) }
        guard limit > 0, norm + 1e-8 > limit else { return 1 }
        return limit / (norm + 1e-8)
    }
}

/// The factor per output that OFT and BOFT may hold, applied in full at every strength.
enum Rescale {
    static let role: Role = "rescale"

    static func values(_ module: ModuleFactors, rows: Int) throws(ModuleError) -> [Float]? {
        guard let rescale = try module.optional(role) else { return nil }
        guard rescale.elementCount == rows else { throw module.mismatch(role, expected: "\(rows) outputs") }
        return rescale.values()
    }

    /// A rotation of n rows keeps the norm of each column, so no element grows beyond √n times the largest.
    static func bound(_ rescale: [Float]?, rotatedRows: Int) -> ChangeBound {
        ChangeBound(relative: Double(rotatedRows).squareRoot() * (rescale?.largestMagnitude ?? 1) + 1)
    }
}

extension SquareBlocks {
    /// Writes (1 − m)·I + m·R, or its transpose, of one block rounded to f32, to size × size numbers.
    func write(_ block: Int, interpolated strength: Double, transposed: Bool, to out: UnsafeMutablePointer<Float>) {
        precondition(block >= 0 && block < count)
        values.withUnsafeBufferPointer { values in
            let rotation = values[(block * size * size)..<((block + 1) * size * size)]
            for row in 0..<size {
                for column in 0..<size {
                    let one: Double = row == column ? 1 : 0
                    let value = (1 - strength) * one + strength * rotation[rotation.startIndex + row * size + column]
                    out[transposed ? column * size + row : row * size + column] = Float(value)
                }
            }
        }
    }
}
