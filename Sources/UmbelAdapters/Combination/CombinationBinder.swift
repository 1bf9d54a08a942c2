internal import UmbelNames
internal import UmbelTensor

/// One adapter of a combination.
package struct CombinationPart: Sendable {
    package let binding: Binding
    package let weight: Double
    /// `use_rslora` of the adapter's settings, which PEFT lets a combination inherit.
    package let usesRankStabilisedScale: Bool

    package init(binding: Binding, weight: Double, usesRankStabilisedScale: Bool) {
        self.binding = binding
        self.weight = weight
        self.usesRankStabilisedScale = usesRankStabilisedScale
    }
}

extension Combination {
    /// The adapters as one: what a recipe applies like any other adapter. Computes no difference yet.
    ///
    /// - Parameters:
    ///   - parts: in the order of the recipe; those of weight 0 are left out. One at weight 1 is its own binding, so that
    ///     it gives itself back to the bit, unless a density below 1 or a rank was asked for.
    ///   - masks: where random masks come from; by default drawn from the seed.
    /// - Throws: `notCombinable` with the first module that the method cannot take.
    package func binding(
        of parts: [CombinationPart], on base: BaseWeights, masks: (any KeepMasks)? = nil
    ) throws(CombinationError) -> Binding {
        let applied = parts.filter { $0.weight != 0 }
        if applied.count == 1, applied[0].weight == 1, keepsSingle { return applied[0].binding }
        let binder = CombinationBinder(
            combination: self, parts: applied, base: base, masks: masks ?? CounterMasks(seed: seed))
        var report = BindingReport()
        report.notes = applied.flatMap(\.binding.report.notes)
        return Binding(patches: try binder.patches(), report: report)
    }
}

/// Turns the patches of several adapters into those of their combination.
private struct CombinationBinder {
    let combination: Combination
    let parts: [CombinationPart]
    let base: BaseWeights
    let masks: any KeepMasks

    func patches() throws(CombinationError) -> [Patch] {
        var found: [PartPatch] = []
        for (position, part) in parts.enumerated() { found += try partPatches(part, position) }
        let scale = inheritedScale(found)
        var patches: [Patch] = []
        for group in CombinationGroup.all(found, base: base) {
            switch combination.method.space {
            case .differences: patches += try differences(group, scale)
            case .concatenation: patches += try concatenations(group, scale)
            case .factors: patches += try pairs(group, scale)
            case .vectors: patches += try vectors(group)
            }
        }
        return patches
    }

    private func refusal(_ module: String, _ obstacle: CombinationObstacle) -> CombinationError {
        .notCombinable(method: combination.method.name, module: module, obstacle)
    }

    /// One adapter's patches with their modules; a tensor of another shape, or one that the base lacks, is no difference.
    private func partPatches(_ part: CombinationPart, _ position: Int) throws(CombinationError) -> [PartPatch] {
        var owners: [Int: BindingReport.Match] = [:]
        for match in part.binding.report.matches {
            for index in match.patches { owners[index] = match }
        }
        var found: [PartPatch] = []
        for (index, patch) in part.binding.patches.enumerated() {
            let module = owners[index]?.module ?? ""
            switch patch.change {
            case .leftOut: continue
            case .add(_, let name, _): throw refusal(name, .addsTensor)
            case .pad: throw refusal(module, .changesShape)
            default: break
            }
            guard let view = patch.view else { continue }
            if let shape = patch.newShape, let tensor = view.wholeTensor, shape != base.views[tensor].shape {
                throw refusal(module, .changesShape)
            }
            found.append(
                PartPatch(patch: patch, view: view, module: module, rank: owners[index]?.rank, part: position))
        }
        return found
    }

    /// PEFT gives the combined adapter alpha = r, so that its scale is 1; but with the first adapter's `use_rslora` that is
    /// √r. r is the first adapter's rank, for stacked pairs the sum of all, for a cut the rank cut to.
    private func inheritedScale(_ patches: [PartPatch]) -> Double {
        guard combination.method.followsPEFT, parts.first?.usesRankStabilisedScale == true else { return 1 }
        let ranks = parts.indices.map { part in patches.lazy.filter { $0.part == part }.compactMap(\.rank).max() ?? 1 }
        let rank =
            combination.method.isCut
            ? combination.rank ?? ranks.max() ?? 1
            : combination.method.space == .concatenation ? ranks.reduce(0, +) : ranks[0]
        return Double(rank).squareRoot()
    }

    // MARK: On differences

    private func differences(_ group: CombinationGroup, _ scale: Double) throws(CombinationError) -> [Patch] {
        if combination.method.followsPEFT {
            try requireCommonViews(group)
            for view in group.views { _ = try factorPairs(group, view) }
        }
        if combination.method.pruning == .none, !combination.method.isCut, combination.method.merging == .sum,
            let sums = sums(group)
        {
            return sums
        }
        let domains = try group.views.map { view throws(CombinationError) in try domain(view, group) }
        let changes = parts.indices.compactMap { position -> PartChange? in
            let own = group.patches.filter { $0.part == position }.map(\.patch)
            return own.isEmpty ? nil : PartChange(patches: own, weight: parts[position].weight, position: position)
        }
        let change = CombinedChange(
            combination: combination, domains: domains, tensors: group.tensors, parts: changes, scale: scale,
            masks: masks)
        return [Patch(group.views.first, .combined(change))]
    }

    /// Plain sums, which go tile by tile like any other difference; nil if a part depends on the weight.
    private func sums(_ group: CombinationGroup) -> [Patch]? {
        guard group.hasCommonViews else { return nil }
        var patches: [Patch] = []
        for view in group.views {
            let own = group.patches(on: view)
            let terms = own.compactMap { patch in
                patch.patch.addedDelta.map { (delta: $0, weight: parts[patch.part].weight) }
            }
            guard terms.count == own.count else { return nil }
            patches.append(Addition.patch(view, SumDelta(terms)))
        }
        return patches
    }

    private func domain(
        _ view: TargetView, _ group: CombinationGroup
    ) throws(CombinationError) -> CombinedChange.Domain {
        let own = group.patches(on: view)
        let name = own.first?.module ?? ""
        return CombinedChange.Domain(view: view, name: name, place: base.place(of: view), rank: try cut(view, own))
    }

    /// The rank that a view's difference is cut to; nil for none.
    private func cut(_ view: TargetView, _ patches: [PartPatch]) throws(CombinationError) -> Int? {
        // Of a vector nothing can be cut.
        guard combination.method.isCut, min(view.rows, view.columns) > 1 else { return nil }
        if let rank = combination.rank { return rank }
        if let unranked = patches.first(where: { $0.rank == nil }) { throw refusal(unranked.module, .rankNeeded) }
        return patches.compactMap(\.rank).max()
    }

    // MARK: On factors

    private func requireCommonViews(_ group: CombinationGroup) throws(CombinationError) {
        guard !group.hasCommonViews else { return }
        if combination.method.space != .vectors,
            let other = group.patches.first(where: { !($0.patch.addedDelta is LowRankDelta) })
        {
            throw refusal(other.module, .notPair)
        }
        throw refusal(group.patches.first?.module ?? "", .differentParts)
    }

    /// The pairs of all adapters for a view, each of which must be one pair that is added.
    private func factorPairs(
        _ group: CombinationGroup, _ view: TargetView
    ) throws(CombinationError) -> [FactorPair] {
        var pairs: [FactorPair] = []
        for patch in group.patches(on: view) {
            guard let delta = patch.patch.addedDelta,
                let pair = FactorPair(delta, weight: parts[patch.part].weight, position: patch.part)
            else { throw refusal(patch.module, .notPair) }
            pairs.append(pair)
        }
        return pairs
    }

    /// `cat` falls back on the sum where something is no pair; PEFT's own does not.
    private func concatenations(_ group: CombinationGroup, _ scale: Double) throws(CombinationError) -> [Patch] {
        guard combination.method.followsPEFT else {
            let isPairs = group.hasCommonViews && group.patches.allSatisfy { $0.patch.addedDelta is LowRankDelta }
            // A single pair has nothing to be put beside, and as a sum it goes tile by tile.
            let isShared = group.views.contains { group.patches(on: $0).count > 1 }
            return isPairs && isShared ? try pairs(group, scale) : try differences(group, scale)
        }
        return try pairs(group, scale)
    }

    private func pairs(_ group: CombinationGroup, _ scale: Double) throws(CombinationError) -> [Patch] {
        try requireCommonViews(group)
        var patches: [Patch] = []
        for view in group.views {
            let pairs = try factorPairs(group, view)
            let isEqual = Set(pairs.map { $0.delta.up.columns }).count == 1
            guard isEqual || combination.method.space == .concatenation else {
                throw refusal(group.patches(on: view).first?.module ?? "", .ranksDiffer)
            }
            let combined = FactorCombination(
                combination: combination, pairs: pairs, place: base.place(of: view), scale: scale, masks: masks)
            patches.append(Patch(view, .matrix(combined)))
        }
        return patches
    }

    // MARK: On vectors

    /// l = Σ w·l over the adapters that have the module. Source: PEFT `IA3Model.add_weighted_adapter`.
    private func vectors(_ group: CombinationGroup) throws(CombinationError) -> [Patch] {
        try requireCommonViews(group)
        var patches: [Patch] = []
        for view in group.views {
            var sums: [Double] = []
            var scaling: ScalingVector?
            for patch in group.patches(on: view) {
                guard let vector = ScalingVector(patch.patch), sums.isEmpty || vector.isAlike(scaling) else {
                    throw refusal(patch.module, .notVector)
                }
                let weight = parts[patch.part].weight
                let factors = vector.differences.map { weight * ($0 + 1) }
                sums = sums.isEmpty ? factors : zip(sums, factors).map { $0 + $1 }
                scaling = vector
            }
            guard let scaling else { continue }
            patches.append(Patch(view, .rows(scaling.transform(sums.map { $0 - 1 }))))
        }
        return patches
    }
}

/// The vector of an (IA)³ patch.
private struct ScalingVector {
    let differences: [Double]
    /// nil for a vector along the rows.
    private let kernel: Int?

    init?(_ patch: Patch) {
        guard case .transform(.rows(let transform), _) = patch.change else { return nil }
        switch transform {
        case let scaling as RowScaling:
            differences = scaling.differences
            kernel = nil
        case let scaling as InputScaling:
            differences = scaling.differences
            kernel = scaling.kernel
        default: return nil
        }
    }

    /// Do both lie along the same axis?
    func isAlike(_ other: ScalingVector?) -> Bool {
        kernel == other?.kernel && differences.count == other?.differences.count
    }

    func transform(_ differences: [Double]) -> any RowTransform {
        kernel.map { InputScaling(differences: differences, kernel: $0) } ?? RowScaling(differences: differences)
    }
}
