package import UmbelNames
internal import UmbelTensor

/// C³A: circular convolutions in blocks. ΔW[x·q + ρ, y·q + κ] = kernel[x, y, (κ − ρ) mod q] / in.     arXiv 2407.19342
///
/// `c3a_kernel` is (out/q, in/q, q). Source: PEFT `tuners/c3a/utils.py`, `get_circulant_fast`.
package struct C3A: Algorithm {
    package static let name = "c3a"

    static let kernel: Role = "c3a_kernel"

    package static let roles = [RoleSpelling(kernel)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool { module.has(kernel) }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let stored = try module.require(kernel)
        let shape = stored.shape
        guard shape.count == 3, shape[0] * shape[2] == view.rows, shape[1] * shape[2] == view.columns else {
            throw module.mismatch(kernel, expected: "[out/q, in/q, q] for \(view.shape.shapeText)")
        }
        let delta = CirculantDelta(kernels: stored.matrix(rows: shape[0] * shape[1]), blockRows: shape[0])
        return [Addition.patch(view, delta)]
    }
}

private struct CirculantDelta: Delta {
    /// (out/q · in/q, q)
    let kernels: Matrix
    let blockRows: Int

    private var side: Int { kernels.columns }
    var rows: Int { blockRows * side }
    var columns: Int { kernels.rows / blockRows * side }
    var scale: Double { 1 / Double(columns) }
    var bound: Double { Double(kernels.largestMagnitude) }

    func write(_ rows: Range<Int>, to out: UnsafeMutablePointer<Float>) {
        var destination = out
        let blockColumns = kernels.rows / blockRows
        for row in rows {
            for block in 0..<blockColumns {
                let kernel = kernels.row(row / side * blockColumns + block)
                let shift = side - row % side
                for column in 0..<side { destination[column] = kernel[(column + shift) % side] }
                destination += side
            }
        }
    }
}
