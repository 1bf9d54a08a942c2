package import UmbelAdapters
internal import UmbelModels

/// The strength of each change of an adapter, where a term has other scales for parts of it.
package struct PartStrengths {
    private let scale: Double
    private let parts: PartScales
    private let blocks: BlockWeights?
    /// Of each down block of the base's U-Net.
    private let layers: [Int]

    /// - Throws: `blockWeights` for a number of blocks that no U-Net has.
    package init(_ term: ModelReference.Term, _ base: BaseModel) throws(EngineError) {
        scale = term.scale.value
        parts = term.parts
        guard !parts.blocks.isEmpty else {
            (blocks, layers) = (nil, [])
            return
        }
        guard let found = BlockWeights(parts.blocks.map(\.value)) else {
            throw .blockWeights(count: parts.blocks.count, adapter: term.adapter)
        }
        (blocks, layers) = (found, base.layersPerBlock)
    }

    /// A step for each strength that some of the binding's changes have.
    package func steps(_ binding: Binding) -> [MergePlan.Step] {
        guard parts != .none else { return [MergePlan.Step(binding: binding, strength: scale)] }
        var strengths = [Double](repeating: scale, count: binding.patches.count)
        for match in binding.report.matches {
            for patch in match.patches { strengths[patch] = strength(of: match) }
        }
        let groups = Dictionary(grouping: strengths.indices) { strengths[$0] }
        return groups.keys.sorted().map { strength in
            MergePlan.Step(binding: binding, strength: strength, part: Set(groups[strength] ?? []))
        }
    }

    private func strength(of match: BindingReport.Match) -> Double {
        // The first factor of a list is that of the text encoders.
        if match.component.hasPrefix("text_encoder") {
            return (parts.textEncoder?.value ?? scale) * (blocks?.base ?? 1)
        }
        guard match.component == "unet" else { return scale }
        return (parts.unet?.value ?? scale) * (blocks?.factor(forModule: match.module, layersPerBlock: layers) ?? 1)
    }
}
