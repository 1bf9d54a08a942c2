package import UmbelNames
internal import UmbelTensor

/// GraLoRA: LoRA in a grid of k × k blocks.     arXiv 2505.20355
///
/// A (k, in/k, r), B (k, r, out/k), t = r/k. Block (x, y) of ΔW is s·Σⱼ B[x, y·t+j, :] ⊗ A[y, :, x·t+j], s = α/(r + h).
/// The hybrid part of rank h, `gralora_A_general` (h, in) and `_B_general` (out, h), adds s·B·A. So the rows of output block
/// x are Upₓ·Downₓ with Upₓ (out/k, r + h) and Downₓ (r + h, in). Source: PEFT `tuners/gralora/layer.py`.
package struct GraLoRA: Algorithm {
    package static let name = "gralora"

    static let down: Role = "gralora_A"
    static let up: Role = "gralora_B"
    static let generalDown: Role = "gralora_A_general.weight"
    static let generalUp: Role = "gralora_B_general.weight"

    package static let roles = [
        RoleSpelling(down), RoleSpelling(up), RoleSpelling(generalDown, "gralora_A_general"),
        RoleSpelling(generalUp, "gralora_B_general"),
    ]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        module.has(down) || module.has(up)
    }

    package static func rank(of module: ModuleFactors) -> Int? { module[down]?.shape.last }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let (a, b) = (try module.require(down), try module.require(up))
        guard a.shape.count == 3, a.shape[0] * a.shape[1] == view.columns, a.shape[2] % a.shape[0] == 0 else {
            throw module.mismatch(down, expected: "[k, in/k, a multiple of k] for \(view.shape.shapeText)")
        }
        let (blocks, rank) = (a.shape[0], a.shape[2])
        guard b.shape == [blocks, rank, view.rows / blocks], view.rows % blocks == 0 else {
            throw module.mismatch(up, expected: "\([blocks, rank, view.rows / blocks].shapeText)")
        }
        var general: (down: Matrix, up: Matrix)?
        if module.has(generalDown) || module.has(generalUp) {
            let (down, up) = (try module.matrix(generalDown), try module.matrix(generalUp))
            try module.check(generalUp, up, rows: view.rows, columns: down.rows, on: view)
            try module.check(generalDown, down, rows: up.columns, columns: view.columns, on: view)
            general = (down, up)
        }
        let alpha = try context.requireNumber("alpha", module)
        let scale = alpha / Double(rank + (general?.down.rows ?? 0))
        let (values, ups) = (a.matrix(rows: view.columns), b.matrix(rows: blocks * rank))
        let parts = (0..<blocks).map { block in
            part(block, of: blocks, down: values, up: ups, general: general)
        }
        return [Addition.patch(view, BandedDelta(bands: parts, scale: scale))]
    }

    /// Upₓ and Downₓ; `down` is (in, r), `up` (k·r, out/k).
    private static func part(
        _ x: Int, of blocks: Int, down: Matrix, up: Matrix, general: (down: Matrix, up: Matrix)?
    ) -> LowRankDelta {
        let (rank, share, height) = (down.columns, down.columns / blocks, up.columns)
        let width = down.rows / blocks
        let total = rank + (general?.down.rows ?? 0)
        let upPart = Matrix(rows: height, columns: total)
        let downPart = Matrix(rows: total, columns: down.rows, repeating: 0)
        for row in 0..<height {
            for index in 0..<rank { upPart[row, index] = up[x * rank + index, row] }
        }
        for y in 0..<blocks {
            for index in 0..<share {
                for column in y * width..<(y + 1) * width {
                    downPart[y * share + index, column] = down[column, x * share + index]
                }
            }
        }
        if let general {
            for index in rank..<total {
                for row in 0..<height { upPart[row, index] = general.up[x * height + row, index - rank] }
                downPart.row(index).update(from: general.down.row(index - rank), count: down.rows)
            }
        }
        return LowRankDelta(up: upPart, down: downPart, scale: 1)
    }
}

/// Products of the same size, one below the other.
struct BandedDelta: Delta {
    let bands: [LowRankDelta]
    let scale: Double

    private var height: Int { bands.first?.rows ?? 0 }
    var rows: Int { height * bands.count }
    var columns: Int { bands.first?.columns ?? 0 }
    var bound: Double { bands.reduce(0) { max($0, $1.bound) } }
    var work: Double { bands.reduce(0) { max($0, $1.work) } }

    func write(_ rows: Range<Int>, to out: UnsafeMutablePointer<Float>) {
        var row = rows.lowerBound
        while row < rows.upperBound {
            let band = row / height
            let end = min(rows.upperBound, (band + 1) * height)
            bands[band].write(row - band * height..<end - band * height, to: out + (row - rows.lowerBound) * columns)
            row = end
        }
    }
}
