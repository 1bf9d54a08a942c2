internal import UmbelAdapters
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelNames
internal import UmbelRegistry
internal import UmbelTensor

/// Variants and models as JSON.
enum VariantView {
    static func object(_ info: VariantInfo) -> JSON {
        var members: [JSON.Member] = [
            .init("id", .string(info.variant.id)), .init("model", .string(info.variant.reference.text)),
            .init("state", .string(info.state.rawValue)),
            .init("bytes", ["merged": JSON(info.residentBytes), "shared": JSON(info.variant.sharedBytes)]),
            .init(
                "tensors",
                [
                    "merged": JSON(info.residentTensors), "touched": JSON(info.touchedTensors),
                    "total": JSON(info.variant.model.base.weights.views.count),
                ]),
            .init("merge_ms", JSON((info.mergeMilliseconds * 1000).rounded() / 1000)), .init("hits", JSON(info.hits)),
            .init("pinned", .bool(info.pinned)), .init("last_used", .string(info.lastUsed.text)),
        ]
        if info.state == .streaming { members.append(.init("note", .string(info.streamingNote))) }
        return .object(members)
    }

    /// - Parameter reports: what combinations lose, if that was asked for.
    static func model(_ variant: Variant, name: String, reports: [Int: CombinationReport]? = nil) -> JSON {
        let base = variant.model.base
        let model: JSON = [
            "id": .string(name), "object": "model", "created": JSON(0), "owned_by": "umbel",
            "root": .string(base.name), "parent": variant.reference.entries.isEmpty ? .null : .string(base.name),
            "variant": .string(variant.id), "base": .string(base.name), "family": JSON(base.recognition.family),
            "recipe": .array(
                variant.reference.entries.map { entry in
                    switch entry {
                    case .adapter(let term): adapter(term)
                    case .combination(let combined): combination(combined)
                    }
                }),
            "tensors": ["touched": JSON(variant.model.plan.touched.count), "total": JSON(base.weights.views.count)],
        ]
        guard let reports, let members = model.members else { return model }
        return .object(members + [.init("combinations", combinations(variant, reports))])
    }

    private static func adapter(_ term: ModelReference.Term) -> JSON {
        [
            "adapter": .string(term.adapter), "digest": .string("sha256:" + (term.digestPrefix ?? "")),
            "scale": JSON(term.scale.value),
        ]
    }

    private static func combination(_ combined: ModelReference.CombinationTerm) -> JSON {
        let options = combined.combination.options.map { option in
            JSON.Member(option.name, Double(option.value) == nil ? .string(option.value) : .number(option.value))
        }
        let adapters = JSON.array(combined.terms.map(adapter))
        let members =
            [.init("method", .string(combined.combination.method.name)), .init("adapters", adapters)] + options
        return ["combine": .object(members), "scale": JSON(combined.scale.value)]
    }

    /// What each combination that is cut to a rank loses, in the order of the recipe.
    private static func combinations(_ variant: Variant, _ reports: [Int: CombinationReport]) -> JSON {
        .array(
            variant.reference.entries.enumerated().compactMap { place, entry in
                guard case .combination(let combined) = entry else { return nil }
                return [
                    "entry": JSON(place), "method": .string(combined.combination.method.name),
                    "lost_energy": reports[place].map(lostEnergy) ?? .null,
                ]
            })
    }

    private static func lostEnergy(_ report: CombinationReport) -> JSON {
        guard !report.modules.isEmpty else { return .null }
        let shares = report.modules.map(\.energy.lost)
        return [
            "total": JSON(report.total.lost), "max": JSON(shares.max() ?? 0),
            "mean": JSON(shares.reduce(0, +) / Double(shares.count)),
            "modules": .array(
                report.modules.map { module in
                    ["module": .string(module.name), "rank": JSON(module.rank), "lost": JSON(module.energy.lost)]
                }),
        ]
    }

    static func files(_ variant: Variant) -> JSON {
        [
            "id": .string(variant.id),
            "files": .array(
                variant.model.files.map { file in
                    [
                        "path": .string(file.path), "size": JSON(file.bytes),
                        "etag": .string("\"\(variant.entityTag(of: file.path))\""),
                    ]
                }),
        ]
    }
}
