internal import UmbelNames
internal import UmbelTensor

/// A patch of one adapter of a combination, with the module that it came from.
struct PartPatch: Sendable {
    let patch: Patch
    let view: TargetView
    let module: String
    /// The module's rank; nil if its algorithm has none.
    let rank: Int?
    /// Of the adapter, among those that are applied.
    let part: Int
}

/// Patches of all adapters that have to be seen together, because they are about the same tensors.
struct CombinationGroup {
    let tensors: Set<Int>
    /// By adapter, and for each in its own order.
    let patches: [PartPatch]
    /// What differences are made for: the modules' views, or whole tensors where those overlap without being equal.
    let views: [TargetView]
    /// Do the adapters cut the tensors in the same way?
    let hasCommonViews: Bool

    init(tensors: Set<Int>, patches: [PartPatch], base: BaseWeights) {
        self.tensors = tensors
        self.patches = patches
        var views: [TargetView] = []
        for patch in patches where !views.contains(patch.view) { views.append(patch.view) }
        let overlap = views.indices.contains { first in
            views[(first + 1)...].contains { $0.overlaps(views[first]) }
        }
        hasCommonViews = !overlap
        self.views =
            hasCommonViews
            ? views
            : views.reduce(Set()) { $0.union($1.tensors) }.sorted().map {
                TargetView(pieces: [Piece(tensor: $0)], shape: base.views[$0].shape)
            }
    }

    /// The groups of all patches, in the order of the base's tensors.
    static func all(_ patches: [PartPatch], base: BaseWeights) -> [CombinationGroup] {
        var joined = DisjointSets()
        for patch in patches { joined.join(patch.patch.tensors.sorted()) }
        let members = joined.groups
        let byFirst = Dictionary(grouping: patches) { patch in
            patch.patch.tensors.min().flatMap { members[$0]?.first } ?? 0
        }
        return byFirst.sorted { $0.key < $1.key }.map { first, patches in
            CombinationGroup(tensors: Set(members[first] ?? []), patches: patches, base: base)
        }
    }

    func patches(on view: TargetView) -> [PartPatch] { patches.filter { $0.patch.concerns(view) } }
}

extension BaseWeights {
    /// Says where a view is, in the base's own names: equal for equal views only.
    func place(of view: TargetView) -> String {
        view.pieces.map { piece in
            var text = label(piece.tensor)
            if let slab = piece.slab { text += "[\(slab.lowerBound)..<\(slab.upperBound)]" }
            if piece.leadingAxes != 1 { text += "/\(piece.leadingAxes)" }
            if piece.transposed { text += "^T" }
            if piece.halvesSwapped { text += "~" }
            if let rows = piece.rows { text += "(\(rows.lowerBound)..<\(rows.upperBound))" }
            return text
        }.joined(separator: "|")
    }
}
