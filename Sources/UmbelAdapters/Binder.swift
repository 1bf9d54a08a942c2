internal import Synchronization
package import UmbelNames
package import UmbelTensor

/// Fits an adapter to a base: finds every module's target and has its algorithm check the shapes.
package struct Binder {
    private let adapter: Adapter
    private let base: BaseWeights
    private let table: NameTable
    private var context: AdapterContext
    private var report = BindingReport()
    /// Patches with the stem they came from, before they are put in order.
    private var found: [(stem: Int, patch: Patch)] = []

    /// - Parameters:
    ///   - table: the base's names, made with the prefixes that the caller gave.
    ///   - pool: where modules are fitted side by side; nil for the calling thread alone.
    package static func bind(
        _ adapter: Adapter, to base: BaseWeights, names table: NameTable, pool: ComputePool? = nil
    ) -> Binding {
        var binder = Binder(adapter: adapter, base: base, table: table, context: adapter.context)
        return binder.run(pool ?? ComputePool(threads: 1))
    }

    private init(adapter: Adapter, base: BaseWeights, table: NameTable, context: AdapterContext) {
        self.adapter = adapter
        self.base = base
        self.table = table
        self.context = context
    }

    private mutating func run(_ pool: ComputePool) -> Binding {
        report.unknownKeys = adapter.unknownKeys
        report.notes = adapter.notes
        report.hasOnlyEmbeddings = adapter.hasOnlyEmbeddings
        let stems = adapter.modules.map { AdapterKey.module(ofStem: $0.factors.stem) }
        let resolutions = table.resolve(stems)
        context.targetedShapes = resolutions.compactMap { resolution in
            if case .target(let target) = resolution { target.weight?.shape } else { nil }
        }
        let fitted = fitted(resolutions, pool)
        for (index, resolution) in resolutions.enumerated() { bind(index, stems[index], resolution, fitted[index]) }
        dropStartsOfCopies()
        findConflicts(stems)
        let binding = ordered()
        noteFindings(binding)
        return Binding(patches: binding, report: report)
    }

    private typealias Fitted = Result<[Patch], ModuleError>

    /// What becomes of each module that has a target; nil for the others.
    private func fitted(_ resolutions: [Resolution], _ pool: ComputePool) -> [Fitted?] {
        let fitted = Mutex([Fitted?](repeating: nil, count: resolutions.count))
        // Some modules at a time, so that threads do not wait for each other over each.
        pool.forEachRange(resolutions.count, grain: 16) { range in
            let part = range.map { index -> Fitted? in
                guard case .target(let target) = resolutions[index] else { return nil }
                return Fitted { () throws(ModuleError) in try patches(of: index, for: target) }
            }
            fitted.withLock { $0.replaceSubrange(range, with: part) }
        }
        return fitted.withLock { $0 }
    }

    private mutating func bind(_ index: Int, _ stem: String, _ resolution: Resolution, _ fitted: Fitted?) {
        let module = adapter.modules[index]
        if let stacks = table.experts(stem), module.algorithm == LoRA.self {
            return bindExperts(index, stem, stacks)
        }
        switch resolution {
        case .target(let target):
            do throws(ModuleError) {
                let patches = try fitted?.get() ?? []
                append(index, patches, component: target.component, module: target.module)
            } catch {
                report.errors.append(error)
            }
        case .ambiguous(let modules): report.ambiguities.append(.init(stems: [stem], modules: modules))
        case .none(let nearest):
            if let patches = addedTensors(module, stem) {
                append(index, patches, component: "", module: stem)
            } else {
                report.unmatched.append(.init(stem: stem, keys: module.factors.allKeys, nearest: nearest))
            }
        }
    }

    private func patches(of index: Int, for target: Target) throws(ModuleError) -> [Patch] {
        let module = adapter.modules[index]
        try checkStored(target, module.factors)
        // Only PEFT keeps resized copies; the `weight` of (IA)³ is a vector, whatever its shape.
        let hasCopy = context.isPEFT(module.factors) && module.algorithm != IA3.self
        let resized = hasCopy ? target.resized(by: module.factors) : target
        var patches = try PEFTCompanions.patches(
            for: module.factors, by: module.algorithm, on: resized, in: context)
        // PEFT's inner and outer layer of a wrapped attention both apply the output projection's pair.
        if module.factors.stem.holds(".base_layer.out_proj") { patches += patches }
        return patches + patches.compactMap { $0.mirrored(table.tied) }
    }

    /// A weight that is stored quantised is no weight that anything could be added to.
    private func checkStored(_ target: Target, _ module: ModuleFactors) throws(ModuleError) {
        for view in [target.weight, target.bias].compactMap({ $0 }) {
            for tensor in view.tensors {
                guard table.quantized.contains(tensor) || !base.views[tensor].dtype.isFloat else { continue }
                throw .quantised(
                    module: module.stem, tensor: base.label(tensor), dtype: base.views[tensor].dtype)
            }
        }
    }

    private mutating func bindExperts(_ index: Int, _ stem: String, _ stacks: ExpertStacks) {
        let module = adapter.modules[index]
        do {
            let parameter = try ExpertChoice(stacks: stacks, adapter: adapter, context: context).parameter(for: module)
            let patches = try ExpertLoRA.patches(
                for: module.factors, on: parameter.experts,
                parameter: "\(context.patternPath(stem)).\(parameter.name)", inputFirst: parameter.inputFirst,
                in: context)
            append(index, patches, component: stacks.component, module: "\(stacks.module).\(parameter.name)")
        } catch {
            report.errors.append(error)
        }
    }

    /// A head that was trained on a base without one: PEFT saves it whole, and the merged model gets it.
    private func addedTensors(_ module: Adapter.Module, _ stem: String) -> [Patch]? {
        guard module.algorithm == WholeTensor.self else { return nil }
        let absent = Target(component: "", module: context.patternPath(stem), weight: nil, bias: nil)
        // Whole tensors that are faulty in themselves were refused when the file was read.
        return try? WholeTensor.wholeTensorPatches(for: module.factors, on: absent)
    }

    private mutating func append(_ index: Int, _ patches: [Patch], component: String, module: String) {
        let adapterModule = adapter.modules[index]
        let factors = adapterModule.factors
        for patch in patches {
            found.append((index, patch))
            switch patch.change {
            case .leftOut(let key, let reason): report.notes.append(AdapterNote(.leftOut, reason, keys: [key]))
            case .add(_, let name, let view):
                report.notes.append(AdapterNote(.tensorAdded, "added with shape \(view.shape.shapeText)", keys: [name]))
            default: break
            }
        }
        // A stored number that is none would have been refused before.
        let alpha = (try? factors.number(.alpha)) ?? nil
        report.matches.append(
            .init(
                stem: factors.stem, component: component, module: module, algorithm: adapterModule.algorithm.name,
                rank: adapterModule.algorithm.rank(of: factors), alpha: alpha,
                dora: doraReport(factors, patches.compactMap(\.view).first), patches: []))
        matchStems.append(index)
    }

    private var matchStems: [Int] = []

    private func doraReport(_ factors: ModuleFactors, _ view: TargetView?) -> BindingReport.DoRAReport? {
        if let magnitude = factors[.magnitude] {
            return .init(axis: .output, decidedBy: "\(factors.key(.magnitude)) \(magnitude.shape.shapeText)")
        }
        guard let scale = factors[.doraScale], let view,
            let axis = try? DoRA.axis(of: scale.shape, in: factors, on: view)
        else { return nil }
        return .init(axis: axis, decidedBy: "\(factors.key(.doraScale)) \(scale.shape.shapeText)")
    }

    /// Two modules of one file must not change the same rows, unless the base ties the tensors they are for.
    private mutating func findConflicts(_ stems: [String]) {
        var owners: [Int: [(stem: Int, view: TargetView)]] = [:]
        for (stem, patch) in found {
            guard let view = patch.view else { continue }
            for tensor in view.tensors { owners[tensor, default: []].append((stem, view)) }
        }
        for (tensor, claims) in owners.sorted(by: { $0.key < $1.key }) {
            let claimants = Set(claims.map(\.stem)).sorted()
            guard claimants.count > 1 else { continue }
            for (position, first) in claimants.enumerated() {
                for second in claimants[(position + 1)...] where !areTied(stems[first], stems[second]) {
                    let firstRows = claims.filter { $0.stem == first }.flatMap { $0.view.rows(of: tensor) }
                    let secondRows = claims.filter { $0.stem == second }.flatMap { $0.view.rows(of: tensor) }
                    guard firstRows.contains(where: { range in secondRows.contains { $0.overlaps(range) } }) else {
                        continue
                    }
                    report.ambiguities.append(
                        .init(stems: [stems[first], stems[second]], modules: [base.label(tensor)]))
                }
            }
        }
    }

    private func areTied(_ first: String, _ second: String) -> Bool { Self.isHead(first) != Self.isHead(second) }

    private static func isHead(_ stem: String) -> Bool {
        ["lm_head", "embed_out", "output"].contains { stem.hasSuffix($0) }
    }

    /// A copy of a whole weight was saved after training, so its start (PiSSA, OLoRA) is taken out of it already.
    private mutating func dropStartsOfCopies() {
        let copied = found.reduce(into: Set<Int>()) { copied, item in
            if case .replace = item.patch.change { copied.formUnion(item.patch.tensors) }
        }
        found.removeAll { $0.patch.isStart && !$0.patch.tensors.isDisjoint(with: copied) }
    }

    /// The patches in phases, and each match told where its own are.
    private mutating func ordered() -> [Patch] {
        // Of tied tensors the embedding comes first, as PEFT walks the model; that matters for all that is not additive.
        func rank(_ index: Int) -> (Int, Int, Int) {
            (found[index].patch.phase, Self.isHead(adapter.modules[found[index].stem].factors.stem) ? 1 : 0, index)
        }
        let order = found.indices.sorted { rank($0) < rank($1) }
        var positions: [Int: [Int]] = [:]
        for (position, index) in order.enumerated() { positions[found[index].stem, default: []].append(position) }
        for (index, stem) in matchStems.enumerated() { report.matches[index].patches = positions[stem] ?? [] }
        return order.map { found[$0].patch }
    }

    private mutating func noteFindings(_ patches: [Patch]) {
        var idle: [String] = []
        for match in report.matches {
            let changes = match.patches.map { patches[$0] }
            let isIdle = changes.allSatisfy { patch in
                if case .transform(_, let bound?) = patch.change { bound.isZero } else { false }
            }
            if isIdle, !changes.isEmpty { idle.append(match.stem) }
        }
        if !idle.isEmpty { report.notes.append(AdapterNote(.noEffect, "the difference is zero", keys: idle)) }
        for patch in patches {
            guard let shape = patch.newShape, let tensor = patch.view?.wholeTensor, shape != base.views[tensor].shape
            else {
                continue
            }
            report.notes.append(
                AdapterNote(
                    .shapeChanged, "\(base.views[tensor].shape.shapeText) becomes \(shape.shapeText)",
                    keys: [base.label(tensor)]))
        }
        if context.peft?.hasApproximateStart == true {
            report.notes.append(
                AdapterNote(
                    .approximateStart,
                    "the start was a randomised decomposition; the exact one is subtracted, which may differ from it",
                    keys: report.matches.map(\.stem)))
        }
        report.notes += ScaleLint.notes(adapter, context: context)
    }
}

extension Target {
    /// The target as it is once the adapter's own copy of the whole weight is in place: a resized vocabulary has another
    /// number of rows.
    fileprivate func resized(by module: ModuleFactors) -> Target {
        guard let copy = module[.baseWeight] ?? module[.weight], let weight, weight.wholeTensor != nil,
            copy.shape.count == weight.shape.count, copy.shape.dropFirst() == weight.shape.dropFirst()
        else { return self }
        let view = TargetView(pieces: weight.pieces, shape: copy.shape)
        return Target(component: component, module: self.module, weight: view, bias: bias)
    }
}

extension Patch {
    /// The same change of the other of two tied tensors that are both stored; nil if the patch is not about one of them.
    fileprivate func mirrored(_ tied: TiedTensors?) -> Patch? {
        guard let tied, let view, view.pieces.count == 1, var piece = view.pieces.first else { return nil }
        guard let other = piece.tensor == tied.embedding ? tied.head : piece.tensor == tied.head ? tied.embedding : nil
        else { return nil }
        let (old, new) = (piece, Piece(tensor: other))
        piece = new
        piece.leadingAxes = old.leadingAxes
        piece.slab = old.slab
        piece.transposed = old.transposed
        piece.halvesSwapped = old.halvesSwapped
        piece.rows = old.rows
        return Patch(TargetView(pieces: [piece], shape: view.shape), change)
    }
}

extension TargetView {
    /// Rows of `tensor` that the view covers, as element ranges of the stored rows; all of them where the view is turned.
    func rows(of tensor: Int) -> [Range<Int>] {
        pieces.filter { $0.tensor == tensor }.map { piece in
            if piece.transposed { return piece.slab ?? 0..<Int.max }
            if piece.halvesSwapped { return 0..<Int.max }
            let rows = piece.rows ?? 0..<Int.max
            guard let slab = piece.slab else { return rows }
            return slab.lowerBound..<slab.upperBound
        }
    }
}
