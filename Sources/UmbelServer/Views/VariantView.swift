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

    static func model(_ variant: Variant, name: String) -> JSON {
        let base = variant.model.base
        return [
            "id": .string(name), "object": "model", "created": JSON(0), "owned_by": "umbel",
            "root": .string(base.name), "parent": variant.reference.terms.isEmpty ? .null : .string(base.name),
            "variant": .string(variant.id), "base": .string(base.name), "family": JSON(base.recognition.family),
            "recipe": .array(
                variant.reference.terms.map { term in
                    [
                        "adapter": .string(term.adapter), "digest": .string("sha256:" + (term.digestPrefix ?? "")),
                        "scale": JSON(term.scale.value),
                    ]
                }),
            "tensors": ["touched": JSON(variant.model.plan.touched.count), "total": JSON(base.weights.views.count)],
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
