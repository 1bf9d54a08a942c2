package import UmbelNames
internal import UmbelTensor

/// LoKr: ΔW = s · W₁ ⊗ W₂     KronA, arXiv 2212.10650; LyCORIS, arXiv 2309.14859
///
/// W₁ (a, c) is `lokr_w1` or `lokr_w1_a` (a, r) · `lokr_w1_b` (r, c). W₂ (b, d·K) is `lokr_w2`, or `lokr_w2_a` (b, r) ·
/// `lokr_w2_b` (r, d·K), or with a Tucker core `lokr_t2` (r, r, k…): Σᵢⱼ t2[i,j,k]·w2_a[i,p]·w2_b[j,q] with `w2_a` (r, b).
/// a·b = out and c·d = in; the sizes are read off the tensors, never derived again from a factor.
///
/// s = α/r. With both factors whole LyCORIS has s = 1 whatever α says, while PEFT takes α/r from its settings.
package struct LoKr: Algorithm {
    package static let name = "lokr"

    private static let outer: Role = "lokr_w1"
    private static let outerUp: Role = "lokr_w1_a"
    private static let outerDown: Role = "lokr_w1_b"
    private static let inner: Role = "lokr_w2"
    private static let innerUp: Role = "lokr_w2_a"
    private static let innerDown: Role = "lokr_w2_b"
    private static let core: Role = "lokr_t2"

    package static let roles =
        [outer, outerUp, outerDown, inner, innerUp, innerDown, core, .alpha, .biasDifference].map { RoleSpelling($0) }
        + DoRA.roles

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        [outer, outerUp, outerDown, inner, innerUp, innerDown].contains(where: module.has)
    }

    package static func rank(of module: ModuleFactors) -> Int? {
        (module[innerDown] ?? module[outerDown])?.shape.first
    }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let w1 = try outerFactor(module, view)
        let w2 = try innerFactor(module, view)
        try module.checkProduct(
            module.has(outer) ? outer : outerUp, rows: w1.rows * w2.rows, columns: w1.columns * w2.columns, on: view)
        let scale = try scale(module, context)
        let isShifted = context.isPEFT(module) && module[inner]?.shape.count == 3
        let delta: any Delta =
            isShifted
            ? DenseDelta(shiftedProduct(w1, w2, kernel: view.kernel, rows: view.rows), scale: scale)
            : KroneckerDelta(outer: w1, inner: w2, scale: scale)
        return try [DoRA.patch(module, view, delta)]
            + module.biasPatches(.biasDifference, on: target, optional: true)
    }

    private static func scale(_ module: ModuleFactors, _ context: AdapterContext) throws(ModuleError) -> Double {
        let path = context.patternPath(module.stem)
        if let rank = rank(of: module) { return try context.scale(of: module, path: path, rank: rank) }
        if let alpha = try module.number(.alpha), !alpha.isFinite {
            throw .nonFinite(key: module.key(.alpha), index: 0)
        }
        guard let config = context.config(for: module.stem), let rank = config.rank(path: path), rank > 0 else {
            return 1
        }
        return config.scale(path: path, rank: rank)
    }

    /// PEFT's product with a whole W₂ of three axes (a Conv1d). It hands W₁ (a, c) and W₂ (b, d, k) to `torch.kron` as they
    /// are, which aligns their last axes: element (p, x·d+q, y·k+t) is W₁[x,y]·W₂[p,q,t], read on as (out, in, k). Its
    /// forward pass does the same, so this is what was trained.
    private static func shiftedProduct(_ w1: Matrix, _ w2: Matrix, kernel: Int, rows: Int) -> Matrix {
        let product = Matrix(rows: rows, columns: w1.rows * w2.rows * w1.columns * w2.columns / rows)
        var destination = product.start
        for p in 0..<w2.rows {
            for x in 0..<w1.rows {
                for q in 0..<w2.columns / kernel {
                    for y in 0..<w1.columns {
                        for t in 0..<kernel {
                            destination[t] = w1[x, y] * w2[p, q * kernel + t]
                        }
                        destination += kernel
                    }
                }
            }
        }
        return product
    }

    /// A factor that is larger than the weight fits nowhere; known before it is multiplied out, it takes no memory.
    private static func checkSize(
        _ module: ModuleFactors, _ role: Role, rows: Int, columns: Int, _ view: TargetView
    ) throws(ModuleError) {
        guard rows > view.rows || columns > view.columns else { return }
        try module.checkProduct(role, rows: rows, columns: columns, on: view)
    }

    private static func outerFactor(_ module: ModuleFactors, _ view: TargetView) throws(ModuleError) -> Matrix {
        if module.has(outer) {
            if module.has(outerUp) || module.has(outerDown) {
                throw .twoFamilies(module: module.stem, algorithms: ["lokr_w1", "lokr_w1_a · lokr_w1_b"])
            }
            return try module.matrix(outer)
        }
        let up = try module.matrix(outerUp)
        let down = try module.matrix(outerDown)
        try module.checkRanks([(outerUp, up.columns), (outerDown, down.rows)])
        try checkSize(module, outerUp, rows: up.rows, columns: down.columns, view)
        return up.multiplied(by: down)
    }

    private static func innerFactor(_ module: ModuleFactors, _ view: TargetView) throws(ModuleError) -> Matrix {
        if module.has(inner) {
            if module.has(innerUp) || module.has(innerDown) {
                throw .twoFamilies(module: module.stem, algorithms: ["lokr_w2", "lokr_w2_a · lokr_w2_b"])
            }
            try module.checkKernel(inner, on: view)
            return try module.matrix(inner)
        }
        let up = try module.matrix(innerUp)
        let down = try module.matrix(innerDown)
        guard module.has(core) else {
            try module.checkRanks([(innerUp, up.columns), (innerDown, down.rows)])
            try checkSize(module, innerUp, rows: up.rows, columns: down.columns, view)
            return up.multiplied(by: down)
        }
        let middle = try module.matrix(core)
        try module.checkRanks([(core, middle.rows), (innerUp, up.rows), (innerDown, down.rows)])
        try module.checkKernel(core, on: view)
        try module.check(core, middle, rows: up.rows, columns: down.rows * view.kernel, on: view)
        try checkSize(module, innerUp, rows: up.columns, columns: down.columns * view.kernel, view)
        return up.transposed().multiplied(by: TuckerCore.fold(middle, down))
    }
}
