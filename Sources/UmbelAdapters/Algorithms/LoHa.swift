package import UmbelNames
internal import UmbelTensor

/// LoHa: ΔW = s · (w1_a · w1_b) ⊙ (w2_a · w2_b), s = α/r, applied once     FedPara, arXiv 2108.06098
///
/// `w*_a` is (out, r) and `w*_b` (r, in·K). With Tucker cores `t*` (r, r, k…), `w*_a` is (r, out) and `w*_b` (r, in), and
/// each side is H[o,c,k] = Σᵢⱼ t[i,j,k]·a[i,o]·b[j,c]. PEFT stores a one-axis kernel's core as (r, r, k, 1).
/// LyCORIS' own `merge_to` multiplies by s twice; its forward pass, which is what was trained, once.
package struct LoHa: Algorithm {
    package static let name = "loha"

    private static let firstUp: Role = "hada_w1_a"
    private static let firstDown: Role = "hada_w1_b"
    private static let firstCore: Role = "hada_t1"
    private static let secondUp: Role = "hada_w2_a"
    private static let secondDown: Role = "hada_w2_b"
    private static let secondCore: Role = "hada_t2"

    package static let roles =
        [firstUp, firstDown, firstCore, secondUp, secondDown, secondCore, .alpha, .biasDifference].map {
            RoleSpelling($0)
        }
        + DoRA.roles

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        [firstUp, firstDown, secondUp, secondDown].contains(where: module.has)
    }

    package static func rank(of module: ModuleFactors) -> Int? { module[firstDown]?.shape.first }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        // One core without the other is a torn file, not a plain pair.
        if module.has(firstCore) { _ = try module.require(secondCore) }
        if module.has(secondCore) { _ = try module.require(firstCore) }
        let rank = try module.matrix(firstDown).rows
        let scale = try context.scale(of: module, path: context.patternPath(module.stem), rank: rank)
        let delta = HadamardDelta(
            first: try side(module, firstUp, firstDown, firstCore, rank, view),
            second: try side(module, secondUp, secondDown, secondCore, rank, view), scale: scale)
        return try [DoRA.patch(module, view, delta)]
            + module.biasPatches(.biasDifference, on: target, optional: true)
    }

    private static func side(
        _ module: ModuleFactors, _ upRole: Role, _ downRole: Role, _ coreRole: Role, _ rank: Int, _ view: TargetView
    ) throws(ModuleError) -> LowRankDelta {
        var up = try module.matrix(upRole)
        var down = try module.matrix(downRole)
        if module.has(coreRole) {
            let core = try module.matrix(coreRole)
            try module.checkRanks([(downRole, down.rows), (upRole, up.rows), (firstDown, rank)])
            try module.checkKernel(coreRole, on: view)
            try module.check(coreRole, core, rows: rank, columns: rank * view.kernel, on: view)
            try module.check(downRole, down, rows: rank, columns: view.inputs, on: view)
            up = up.transposed()
            down = TuckerCore.fold(core, down)
        } else {
            try module.checkRanks([(downRole, down.rows), (upRole, up.columns), (firstDown, rank)])
        }
        try module.checkProduct(upRole, rows: up.rows, columns: down.columns, on: view)
        return LowRankDelta(up: up, down: down, scale: 1)
    }
}
